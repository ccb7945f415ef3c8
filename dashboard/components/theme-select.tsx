'use client';
import { useEffect, useState } from 'react';
import { isTheme, readTheme, setTheme } from '../lib/theme.ts';
import type { Theme } from '../lib/theme.ts';

export function ThemeSelect() {
  const [theme, choose] = useState<Theme>('system');
  useEffect(() => choose(readTheme()), []);
  return (
    <label className="theme-select">
      <span className="visually-hidden">Theme</span>
      <select
        className="select select-quiet"
        value={theme}
        onChange={(event) => {
          const next = event.target.value;
          if (!isTheme(next)) return;
          choose(next);
          setTheme(next);
        }}
      >
        <option value="system">System theme</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}
