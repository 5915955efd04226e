/**
 * Node's arguments that start the command line in the project's folder, from the JavaScript that
 * test/build.ts made.
 */
export const commandLine: readonly string[] = ['dist/harness/cli/main.js'];
