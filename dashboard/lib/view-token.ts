/**
 * The token that lets a page read runs. It arrives in the address's fragment, which browsers never send to a server, so it
 * reaches no log; it is kept for the tab only, and taken out of the address bar at once.
 */
const storageKey = 'sotto.viewToken';

export function takeToken(): string | null {
  const token = new URLSearchParams(window.location.hash.slice(1)).get('token');
  if (token !== null && token !== '') {
    keepToken(token);
    window.history.replaceState(null, '', window.location.pathname + window.location.search);
    return token;
  }
  return window.sessionStorage.getItem(storageKey);
}

export function keepToken(token: string): void {
  window.sessionStorage.setItem(storageKey, token);
}

export function dropToken(): void {
  window.sessionStorage.removeItem(storageKey);
}

/** A pasted token, or the token inside a pasted page address. */
export function tokenFromText(text: string): string {
  const match = /#token=([^&\s]+)/.exec(text);
  return match?.[1] === undefined ? text.trim() : decodeURIComponent(match[1]);
}
