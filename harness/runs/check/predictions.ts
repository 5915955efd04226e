// Outputs that nobody's model wrote, made up for the gate: what counts is that their scores stay what they
// are.

/** Texts with their references, as a system that says what a meaning says. */
export const writtenTexts: readonly {
  readonly prediction: string;
  readonly references: readonly string[];
}[] = [
  {
    prediction: 'The Copper Kettle is a cheap tea room beside the old mill, and children are welcome.',
    references: [
      'The Copper Kettle, a cheap tea room beside the old mill, welcomes children.',
      'Beside the old mill is The Copper Kettle: a child friendly tea room with low prices.',
      'Families like the inexpensive tea room The Copper Kettle near the old mill.',
    ],
  },
  {
    prediction: "Marco's serves Sardinian food for £12-18; its customers rate it 4 out of 5.",
    references: [
      "Marco's has Sardinian dishes between £12 and £18 and a customer rating of 4 out of 5.",
      "Rated 4 out of 5, Marco's offers Sardinian food (£12-18).",
    ],
  },
  {
    prediction: 'There is a pub a pub near the river river.',
    references: ['The Otter is a pub by the river.', "A riverside pub, The Otter isn't family-friendly."],
  },
  { prediction: '', references: ['Le Petit Café sells crêpes at the harbour.'] },
  {
    prediction: 'Le Petit Café sells crêpes at the harbour.',
    references: ['Le Petit Café sells crêpes at the harbour.'],
  },
  {
    prediction: 'Running late, the waiters kept bringing noodles to guests that had left 1,200 comments.',
    references: [
      'The waiter brings noodles late; his guests leave 1,200 comments.',
      'Guests left 1200 comments on waiters who brought the noodles late.',
      'Noodles were brought late.',
      'Late noodles and 1,200 unhappy comments.',
    ],
  },
];

/** Classes predicted and their labels; tasks of two classes take each modulo 2. */
export const classes = {
  predictions: [0, 1, 2, 1, 0, 0, 1, 2, 2, 1, 0, 1, 1, 0, 2, 0, 1, 1, 2, 0, 1, 0, 0, 2],
  labels: [0, 1, 2, 0, 0, 1, 1, 2, 1, 1, 0, 2, 1, 0, 2, 0, 0, 1, 2, 1, 1, 0, 2, 2],
};

/** Values predicted and their labels, ties among them. */
export const values = {
  predictions: [4.81, 0.2, 2.5, 3.37, 1.04, 4.1, 2.5, 0.93, 3.9, 2.2, 4.6, 1.75],
  labels: [5, 0, 2.4, 3.8, 1.6, 3.8, 2, 0.4, 4.2, 2.75, 4.4, 2.4],
};
