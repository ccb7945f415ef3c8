import type { Metadata, Viewport } from 'next';
import localFont from 'next/font/local';
import type { ReactNode } from 'react';
import { themeScript } from '../lib/theme.ts';
import '../styles/tokens.css';
import '../styles/base.css';
import '../styles/page.css';
import '../styles/charts.css';

const inter = localFont({
  src: './fonts/inter-subset.woff2',
  variable: '--font-inter',
  weight: '100 900',
  display: 'swap',
});
const mono = localFont({
  src: './fonts/geist-mono-latin.woff2',
  variable: '--font-mono',
  weight: '100 900',
  display: 'swap',
  preload: false,
});

export const metadata: Metadata = {
  title: 'Sotto',
  description: 'The running round and the run so far.',
  robots: { index: false, follow: false },
  referrer: 'no-referrer',
};

export const viewport: Viewport = {
  width: 'device-width',
  initialScale: 1,
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#f7f7f5' },
    { media: '(prefers-color-scheme: dark)', color: '#101214' },
  ],
};

export default function RootLayout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" className={`${inter.variable} ${mono.variable}`} suppressHydrationWarning>
      <head>
        <script dangerouslySetInnerHTML={{ __html: themeScript }} />
      </head>
      <body>{children}</body>
    </html>
  );
}
