const at = (id) => document.getElementById(id);

/** Shows what stands in the way of all, and stops. */
export function fail(error) {
  showTrouble(error);
  throw error;
}

/** What the person filled in. */
export function formValues() {
  return { invitation: at('invitation').value.trim(), name: at('name').value.trim(), file: at('file').files[0] };
}

/** Calls once for each press of the button; what goes wrong is shown, and can be tried again. */
export function onSubmit(action) {
  at('start').disabled = false;
  at('join').addEventListener('submit', (event) => {
    event.preventDefault();
    at('trouble').hidden = true;
    at('start').disabled = true;
    action().then(
      () => {
        at('join').hidden = true;
        at('progress').hidden = false;
      },
      (error) => {
        showTrouble(error);
        at('start').disabled = false;
      },
    );
  });
}

export function onPause(action) {
  at('pause').addEventListener('click', () => {
    const pause = at('pause').getAttribute('aria-pressed') !== 'true';
    at('pause').setAttribute('aria-pressed', String(pause));
    action(pause);
  });
}

/** Asks the person in the words of the privacy card. */
export function ask({ words }) {
  const dialog = at('consent');
  at('consent-title').textContent = words.title;
  for (const part of ['asked', 'leaves', 'cost', 'outside']) {
    at(`consent-${part}`).replaceChildren(
      ...words[part].map((sentence) => Object.assign(document.createElement('li'), { textContent: sentence })),
    );
  }
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

const stages = {
  advertise: 'keys',
  share: 'shares',
  confirm: 'tags',
  upload: 'upload',
  agree: 'survivors',
  unmask: 'unmasking',
};

/** Shows what happens; it stays on this screen. */
export function showNotice(notice) {
  const say = (text) => {
    at('status').textContent = text;
  };
  switch (notice.type) {
    case 'dataRead':
      at('rows').textContent = `${notice.report.rowsKept} of ${notice.report.rows}`;
      break;
    case 'connected':
      say('Connected: waiting for a run');
      break;
    case 'disconnected':
    case 'retrying':
      say('No line to the coordinator; trying again');
      break;
    case 'elsewhere':
      say('Another tab takes part already; this one waits');
      break;
    case 'engine':
      at('engine').textContent = notice.engine;
      break;
    case 'accepted':
      say(`Takes part in “${notice.plan.name}”`);
      break;
    case 'refused':
      say(`Refused: ${notice.reason}`);
      break;
    case 'sessionOpened':
      at('rounds').max = notice.rounds;
      say(`Round ${notice.round} of ${notice.rounds}`);
      break;
    case 'stage':
      say(`Round ${notice.round} of ${at('rounds').max}: ${stages[notice.stage]}`);
      break;
    case 'charged':
      if (notice.epsilonAfter === null) at('spent').textContent = 'no differential privacy: nothing is counted';
      else at('spent').textContent = `at most ε = ${notice.epsilonAfter.toFixed(2)} of ${notice.epsilonBudget}`;
      break;
    case 'sessionClosed':
      if (notice.outcome === 'released') at('rounds').value = notice.round;
      break;
    case 'paused':
      say(`Paused: ${notice.reason}`);
      break;
    case 'resumed':
      say('Takes part again');
      break;
    case 'runEnded':
      say(`The run has ${notice.outcome === 'stopped' ? 'been stopped' : notice.outcome}`);
      break;
  }
}

export function showModel({ plan, weights, modelHash }) {
  at('result').hidden = false;
  at('model').textContent =
    `The model of “${plan.name}” is kept on this device: ${weights.length} weights, SHA-256 ${modelHash.slice(0, 16)}…`;
}

export function showTrouble(error) {
  at('trouble').hidden = false;
  at('trouble').textContent = `${error.message}${error.cure ? ` ${error.cure}` : ''}`;
}
