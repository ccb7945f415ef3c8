import { LiveApp } from '../components/live-app.tsx';

export default function Page() {
  return <LiveApp />;
}
