/**
 * All that a file of evaluations/ needs, apart from suites that several evaluations share: the form of an
 * evaluation, and helpers that make documents of rows. Evaluations of a user's folder import it as
 * `deltabench/evaluation`.
 */
export { defineAnswerEvaluation, defineEvaluation, defineTextEvaluation } from './evaluation/evaluation.ts';
export type {
  Alternative,
  AnswerEvaluation,
  ChoiceDocument,
  ChoiceEvaluation,
  Evaluation,
  EvaluationData,
  EvaluationProtocol,
  Example,
  LoadRequest,
  QuestionDocument,
  Reading,
  TextDecoding,
  TextDocument,
  TextEvaluation,
  Writing,
  WrittenText,
} from './evaluation/evaluation.ts';
export {
  ask,
  builtinData,
  builtinQuestions,
  hasRows,
  loadDocuments,
  parseRow,
  placeOf,
} from './evaluation/suites/documents.ts';
export { encodePair } from './data/examples/encode-pair.ts';
export { textTemplates } from './data/examples/prompt-templates.ts';
export { capitalize, strip, stripEnd, stripStart } from './support/python-text.ts';
export { UsageError } from './support/errors.ts';
