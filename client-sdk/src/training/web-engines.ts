import { SottoError } from '@sotto/shared/errors';
import { isSoftwareAdapter } from './adapters.ts';
import { startBackend, type EngineCandidate } from './engine.ts';
import { cpuEngine, loadTfjs, wasmEngine } from './tfjs-backend.ts';
import { webgpuEngine, type WebGpu } from './webgpu-engine.ts';

export type WebEngineOptions = {
  /**
   * URL of the folder with tfjs's `.wasm` files (`@tensorflow/tfjs-backend-wasm/dist`), with a slash at its end; without it they
   * lie beside the script that runs. It must be one that the page's `connect-src` allows.
   */
  readonly wasmFolder?: string;
  /** For tests alone: takes adapters that compute on the processor. */
  readonly allowSoftware?: boolean;
};

/** The part of WebGL that is looked at. */
type Gl = {
  readonly RENDERER: number;
  getExtension(name: string): { readonly UNMASKED_RENDERER_WEBGL: number } | null;
  getParameter(name: number): unknown;
};

declare const navigator: { readonly gpu?: WebGpu } | undefined;
declare const OffscreenCanvas:
  (new (width: number, height: number) => { getContext(kind: string): Gl | null }) | undefined;

/** Engines of a page or its worker. Each is loaded when it is tried, from a chunk of its own. */
export function webEngines({ wasmFolder, allowSoftware = false }: WebEngineOptions = {}): readonly EngineCandidate[] {
  const gpu = async (): Promise<WebGpu | null> => (typeof navigator === 'undefined' ? null : (navigator.gpu ?? null));
  return [webgpuEngine(gpu, { allowSoftware }), webglEngine(allowSoftware), wasmEngine(wasmFolder), cpuEngine];
}

/** tfjs on WebGL 2, with whole floats: what is clipped and summed may not be rounded to half of one. */
function webglEngine(allowSoftware: boolean): EngineCandidate {
  return {
    name: 'tfjs webgl',
    device: 'gpu',
    async start(limitMs) {
      const renderer = webglRenderer();
      if (!allowSoftware && isSoftwareAdapter([renderer])) {
        throw new SottoError('UNSUPPORTED', `the adapter is software (${renderer})`);
      }
      const tf = await loadTfjs();
      await import('@tensorflow/tfjs-backend-webgl');
      // tfjs itself asks for hardware, unless told.
      if (allowSoftware) tf.env().set('SOFTWARE_WEBGL_ENABLED', true);
      if (!tf.env().getBool('WEBGL_RENDER_FLOAT32_CAPABLE')) {
        throw new SottoError('UNSUPPORTED', 'it computes in half floats here');
      }
      tf.env().set('WEBGL_RENDER_FLOAT32_ENABLED', true);
      tf.env().set('WEBGL_FORCE_F16_TEXTURES', false);
      return startBackend(tf, 'webgl', limitMs);
    },
  };
}

function webglRenderer(): string {
  if (typeof OffscreenCanvas === 'undefined') throw new SottoError('UNSUPPORTED', 'there is no canvas without a page');
  const gl = new OffscreenCanvas(1, 1).getContext('webgl2');
  if (gl === null) throw new SottoError('UNSUPPORTED', 'there is no WebGL 2 here');
  const named = gl.getExtension('WEBGL_debug_renderer_info');
  return String(gl.getParameter(named === null ? gl.RENDERER : named.UNMASKED_RENDERER_WEBGL));
}
