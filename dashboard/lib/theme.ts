export type Theme = 'system' | 'light' | 'dark';

const storageKey = 'sotto.theme';

/** Runs before the first paint, so that a chosen theme never flashes; the exported page's CSP carries its hash. */
export const themeScript = `try{var t=localStorage.getItem('${storageKey}');if(t==='light'||t==='dark')document.documentElement.dataset.theme=t}catch{}`;

export function isTheme(value: string): value is Theme {
  return value === 'system' || value === 'light' || value === 'dark';
}

export function readTheme(): Theme {
  const stored = window.localStorage.getItem(storageKey) ?? 'system';
  return isTheme(stored) ? stored : 'system';
}

export function setTheme(theme: Theme): void {
  if (theme === 'system') {
    window.localStorage.removeItem(storageKey);
    delete document.documentElement.dataset['theme'];
  } else {
    window.localStorage.setItem(storageKey, theme);
    document.documentElement.dataset['theme'] = theme;
  }
}
