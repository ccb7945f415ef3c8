import { useState } from 'react';
import { isSottoError, type ClientModel, type Prediction } from '@sotto/client';
import type { Sotto } from './use-sotto.ts';

/** Asks the model about one row. Nothing of it leaves the browser. */
export function PredictForm({ model, predict }: { readonly model: ClientModel; readonly predict: Sotto['predict'] }) {
  const [said, setSaid] = useState<Prediction | string | null>(null);
  const { schema } = model.plan;
  async function submit(form: FormData): Promise<void> {
    const row = Object.fromEntries(schema.columns.map(({ name }) => [name, String(form.get(name) ?? '')]));
    try {
      setSaid(await predict(model, row));
    } catch (error) {
      setSaid(isSottoError(error) ? error.message : String(error));
    }
  }
  return (
    <>
      <p>
        From “{model.plan.name}”, {model.weights.length} weights, <code>{model.modelHash.slice(0, 12)}</code>.
      </p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(new FormData(event.currentTarget));
        }}
      >
        <div className="fields">
          {schema.columns.map((column) => (
            <label key={column.name}>
              {column.name}
              {column.kind === 'category' && (
                <select name={column.name}>
                  {column.values.map((value) => (
                    <option key={value}>{value}</option>
                  ))}
                </select>
              )}
              {column.kind === 'number' && (
                <input name={column.name} inputMode="decimal" required={column.fill === null} autoComplete="off" />
              )}
            </label>
          ))}
        </div>
        <button type="submit">Predict {schema.target.column}</button>
      </form>
      <output>
        {typeof said === 'string' && said}
        {said !== null && typeof said !== 'string' && <Said prediction={said} />}
      </output>
    </>
  );
}

function Said({ prediction }: { readonly prediction: Prediction }) {
  if (prediction.kind === 'number') return <strong>{prediction.value.toPrecision(4)}</strong>;
  return (
    <>
      <strong>{prediction.value}</strong>
      {prediction.probabilities.map(({ value, probability }) => (
        <label key={value}>
          {value} {(100 * probability).toFixed(1)} %<meter value={probability}>{probability}</meter>
        </label>
      ))}
    </>
  );
}
