import { openClient } from '@sotto/client';
import schema from '../digits-8x8/schema.json';
import { ask, fail, formValues, onPause, onSubmit, showModel, showNotice, showTrouble } from './screen.js';

const client = await openClient({ store: 'digits' }).catch(fail);

onSubmit(async () => {
  const { invitation, name, file } = formValues();
  await client.join(invitation, { name });
  const running = await client.start({
    data: file,
    schema,
    policy: { version: 1 },
    consent: ask,
    onNotice: async (notice) => {
      showNotice(notice);
      if (notice.type === 'modelKept') showModel(await client.model());
    },
  });
  onPause((pause) => (pause ? running.pause() : running.resume()));
  running.done.catch(showTrouble);
});

// Who has joined before needs no invitation any more.
if ((await client.member()) !== null) document.querySelector('#invitation').removeAttribute('required');
