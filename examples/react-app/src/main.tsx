import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app.tsx';
import './app.css';

const element = document.getElementById('app');
if (element === null) throw new Error('the page has no #app');
createRoot(element).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
