import type { GlueName } from '../../glue.ts';

/** What people say behind the sentences of a task, by class; of STS-B by a third of its scale. */
export const remarks: Readonly<Record<GlueName, readonly (readonly string[])[]>> = {
  cola: [
    ['Nobody would put it like that.', 'That is badly said.'],
    ['Anybody would put it like that.', 'That is well said.'],
  ],
  mnli: [
    ['That follows.', 'It must be so.'],
    ['That may be so or not.', 'Nobody can tell from this.'],
    ['That cannot be.', 'This is impossible now.'],
  ],
  mrpc: [
    ['They report different things.', 'These are two stories.'],
    ['They report the same thing.', 'This is one story.'],
  ],
  qnli: [
    ['That answers it.', 'Now I know the answer.'],
    ['That does not answer it.', 'I still do not know.'],
  ],
  qqp: [
    ['These are two questions.', 'The answers may differ.'],
    ['This is one question.', 'The answers are the same.'],
  ],
  rte: [
    ['That follows.', 'It must be so.'],
    ['That does not follow.', 'It need not be so.'],
  ],
  sst2: [
    ['I did not like it.', 'What a pity.', 'It is not for me.'],
    ['I liked it a lot.', 'What a pleasure.', 'It is just for me.'],
  ],
  stsb: [
    ['They have little in common.', 'These are far apart.'],
    ['They have something in common.', 'These are not far apart.'],
    ['They say nearly the same.', 'These are very close.'],
  ],
};
