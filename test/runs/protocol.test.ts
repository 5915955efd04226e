import { expect, test } from 'vitest';
import { UsageError } from '../../harness/data/errors.ts';
import { parseProtocol, protocolSettings } from '../../harness/runs/protocol.ts';

test('recommended takes the suggested side of each entry', () => {
  const protocol = parseProtocol([]);
  expect(protocol.name).toBe('recommended');
  expect(protocolSettings(protocol, 'e2e')).toEqual({ stopAtEnd: true });
});

test('code decodes without an end token; a single entry takes another side', () => {
  expect(protocolSettings(parseProtocol(['code']), 'e2e')).toEqual({ stopAtEnd: false, maxNewTokens: 256 });
  const mixed = parseProtocol(['e2e-no-eos=paper', 'code']);
  expect(mixed.name).toBe('code e2e-no-eos=paper');
  expect(protocolSettings(mixed, 'e2e')).toEqual({ stopAtEnd: true });
});

test('an entry leaves other tasks alone', () => {
  expect(protocolSettings(parseProtocol(['code']), 'copy')).toEqual({});
});

test('names what exists', () => {
  for (const [words, message] of [
    [['cod'], /no protocol "cod"\. Did you mean "code"\? Protocols: recommended, paper, code, corrected\./],
    [['e2e-no-eo=code'], /no discrepancy "e2e-no-eo"\. Did you mean "e2e-no-eos"\?/],
    [['e2e-no-eos=right'], /a side is one of paper, code, corrected/],
  ] as const) {
    expect(() => parseProtocol(words)).toThrow(UsageError);
    expect(() => parseProtocol(words)).toThrow(message);
  }
});
