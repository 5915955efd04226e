// Node's arguments for the command line, relative to the project's folder; test/build.ts builds the
// JavaScript.
export const commandLine: readonly string[] = ['dist/harness/cli/main.js'];
