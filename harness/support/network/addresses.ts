/**
 * Addresses (URLs) in messages and records. No user name, password or signature in an address may be shown.
 */

/**
 * Whether an address holds what must not be shown: a user, a password (an @ in the path may end one), a query
 * or a fragment.
 */
export function holdsSecrets({ username, password, pathname, search, hash }: URL): boolean {
  return pathname.includes('@') || [username, password, search, hash].some((part) => part !== '');
}

/** Gives an address, well-formed or not, without user, password, query and fragment. */
export function shownAddress(address: string): string {
  // A password may hold any character, so everything up to the last @ is removed before the query.
  return address.replace(/^([a-z][a-z\d+.-]*:\/*)?.*@/is, '$1').replace(/[?#].*$/s, '');
}

/** Gives a foreign text, such as an error's message, with each address in it as `shownAddress` gives it. */
export function withoutSecrets(text: string): string {
  return text.replace(/[a-z][a-z\d+.-]*:\/\/[^\s'"<>]+/gi, shownAddress);
}
