/**
 * Exponential and logarithm made of + - × ÷, comparisons and integers alone, so that every engine gives the same bits
 * (ECMAScript leaves `Math.exp` and `Math.log` to the implementation). Relative error below 1e-15.
 *
 * @see FDLIBM 5.3, e_exp.c and e_log.c (Sun Microsystems, 1993): the reductions and the minimax coefficients.
 */

const ln2High = 6.9314718036912381649e-1;
const ln2Low = 1.90821492927058770002e-10;
const reciprocalLn2 = 1.442695040888963387;
const smallestExponent = -1074;

/** 2^k for k = -1074 … 1023, at index k + 1074; each by an exact doubling. */
const powersOfTwo = powerTable();

/** e to the power of x; 0 below about -745.13, Infinity above about 709.78, NaN for NaN. */
export function exp(x: number): number {
  if (x !== x) return NaN;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.1332191019412) return 0;
  // x = k·ln2 + r with |r| <= ln2 / 2; k·ln2High is exact because ln2High ends in 21 zero bits or more.
  const k = Math.floor(x * reciprocalLn2 + 0.5);
  const high = x - k * ln2High;
  const low = k * ln2Low;
  const r = high - low;
  const t = r * r;
  const c =
    r -
    t *
      (1.66666666666666019037e-1 +
        t *
          (-2.77777777770155933842e-3 +
            t * (6.61375632143793436117e-5 + t * (-1.6533902205465251539e-6 + t * 4.13813679705723846039e-8))));
  const y = 1 - (low - (r * c) / (2 - c) - high);
  // 2^1024 is no double, and below the normal range one multiplication rounds once: both by two exact factors.
  if (k > 1023) return y * 2 * powerOfTwo(k - 1);
  if (k < smallestExponent) return y * 0.5 * powerOfTwo(k + 1);
  return y * powerOfTwo(k);
}

/** Natural logarithm of x; -Infinity at 0, NaN below 0 and for NaN. */
export function log(x: number): number {
  if (x !== x || x < 0) return NaN;
  if (x === 0) return -Infinity;
  if (x === Infinity) return Infinity;
  // x = 2^k·m with sqrt(1/2) < m <= sqrt(2); the division by a power of two is exact.
  let k = exponentOf(x);
  let m = x / powerOfTwo(k);
  if (m > 1.4142135623730951) {
    m /= 2;
    k += 1;
  }
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s;
  const w = z * z;
  const even = w * (3.999999999940941908e-1 + w * (2.222219843214978396e-1 + w * 1.531383769920937332e-1));
  const odd =
    z *
    (6.66666666666673513e-1 +
      w * (2.857142874366239149e-1 + w * (1.818357216161805012e-1 + w * 1.479819860511658591e-1)));
  const halfSquare = 0.5 * f * f;
  return k * ln2High - (halfSquare - (s * (halfSquare + even + odd) + k * ln2Low) - f);
}

function powerTable(): Float64Array {
  const table = new Float64Array(2098);
  let power = Number.MIN_VALUE;
  for (let index = 0; index < table.length; index++) {
    table[index] = power;
    power *= 2;
  }
  return table;
}

function powerOfTwo(k: number): number {
  return powersOfTwo[k - smallestExponent]!;
}

/** The k with 2^k <= x < 2^(k+1), for a positive finite x. */
function exponentOf(x: number): number {
  let below = 0;
  let above = powersOfTwo.length;
  while (above - below > 1) {
    const middle = (below + above) >> 1;
    if (powersOfTwo[middle]! <= x) below = middle;
    else above = middle;
  }
  return below + smallestExponent;
}
