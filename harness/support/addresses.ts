/** Addresses as they may be shown: what a user, a password or a signature says in them stays out of every text. */

/**
 * Whether an address holds what must not be shown: a user, a password (or what looks like one), a query or a
 * fragment.
 */
export function holdsSecrets({ username, password, pathname, search, hash }: URL): boolean {
  return pathname.includes('@') || [username, password, search, hash].some((part) => part !== '');
}

/** An address, whole or broken, without user, password, query and fragment. */
export function shownAddress(address: string): string {
  // The password may hold any sign, so all up to the last @ goes, and only then the query.
  return address.replace(/^([a-z][a-z\d+.-]*:\/*)?.*@/is, '$1').replace(/[?#].*$/s, '');
}

/** A text of somebody else's whose addresses are shown as `shownAddress` shows them. */
export function withoutSecrets(text: string): string {
  return text.replace(/[a-z][a-z\d+.-]*:\/\/[^\s'"<>]+/gi, shownAddress);
}
