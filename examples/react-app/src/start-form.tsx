import { schema } from './task.ts';
import type { Sotto } from './use-sotto.ts';

/** Takes part with a file's rows. */
export function StartForm({ start }: { readonly start: Sotto['start'] }) {
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const file = new FormData(event.currentTarget).get('rows');
        if (file instanceof File) void start(file);
      }}
    >
      <label>
        A CSV file with {schema.columns.map(({ name }) => name).join(', ')} and {schema.target.column}
        <input type="file" name="rows" required accept=".csv,text/csv" />
      </label>
      <button type="submit">Take part</button>
    </form>
  );
}
