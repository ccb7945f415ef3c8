import { Brand } from '../components/marks.tsx';

export default function NotFound() {
  return (
    <>
      <header className="top-bar">
        <div className="top-inner">
          <Brand />
        </div>
      </header>
      <main id="main" className="page page-narrow">
        <h1>There is no page at this address.</h1>
        <p className="subtitle">
          The runs are at <a href="/">the first page</a>.
        </p>
      </main>
    </>
  );
}
