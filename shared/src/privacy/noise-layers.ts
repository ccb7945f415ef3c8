/**
 * Noise in layers, so that what no survivor needs can be taken out of a sum: the manner of XNoise (Jiang, Wang, Chen, "Dordis:
 * Efficient Federated Learning with Dropout-Resilient Differential Privacy", EuroSys 2024, §4), with discrete Gaussian layers.
 *
 * With s survivors, c of whom may collude, each survivor owes V(s) = z²D² / (s − c) and has to be ready for V(m), m = minSurvivors.
 * Its noise is the sum of independent layers: layer 0 of variance V(s₀), layer i of V(sᵢ) − V(sᵢ₋₁) for levels s₀ > s₁ > … > s_L = m.
 * With s survivors the layers above the first level sᵢ ≤ s are taken out; of what is left, s·V(sᵢ), the s − c honest ones hold at
 * least z²D².
 *
 * Lemma (sum of unequal variances). X ~ N_Z(0, v) and Y ~ N_Z(0, w) independent, v, w ≥ 16: X + Y is N_Z(0, v + w) up to log-distance
 * 5·exp(−2π²·vw/(v+w)) ≤ 5·exp(−16π²) < 2e-68 a coordinate. Proof: with u = vw/(v+w), j²/v + (k−j)²/w = k²/(v+w) + (j − kv/(v+w))²/u, so
 * P(X + Y = k) ∝ exp(−k²/2(v+w))·Θ(kv/(v+w)) with Θ(t) = Σⱼ exp(−(j−t)²/2u). By Poisson summation Θ(t) = √(2πu)·(1 + 2·Σ_{l≥1}
 * exp(−2π²ul²)·cos 2πlt), which stays within 1 ± ε, ε < 2.01·exp(−2π²u), of √(2πu). Two distributions whose ratio is so nearly constant
 * cross where it is 1, so their log-distance is at most log((1+ε)/(1−ε)). Log-distances add up along a sum: of 1,000 clients with six
 * layers each it is below 1e-64, as in soundness.md §2.3.4 for equal variances.
 */

/** Least variance of a layer, steps²: the lemma's 16 and one more, which covers the rounding of differences. */
const layerVarianceMin = 17;

/** More than all rounding of a few additions: each level's layers come to at least what its survivors owe. */
const roundedUp = 1 + 2 ** -48;

/**
 * Most variance that a release may carry, as a multiple of what its survivors owe. Each level costs the coordinator another draw of
 * every coordinate for each client, and what is left of the excess at this bound is 7 % of the standard deviation.
 */
const excessMost = 1.15;

/**
 * Survivor counts s₀ > s₁ > … > s_L at which noise is taken out, from all clients to `minSurvivors`: as few as leave no release with
 * more than 1.15 times the variance that its survivors owe, and a full cohort with just that. A level whose layer would be too narrow
 * for the lemma is left out. A single one: there is nothing to take out.
 *
 * @param clients - n: on the session's roster
 * @param shareVariance - V(m) in steps²: least of the session's parts; at least 16
 */
export function survivorLevels(
  clients: number,
  minSurvivors: number,
  colluding: number,
  shareVariance: number,
): readonly number[] {
  const levels = [minSurvivors];
  let above = shareVariance;
  for (const survivors of levelsAbove(clients, minSurvivors, colluding)) {
    const owed = owedAt(survivors, minSurvivors, colluding, shareVariance);
    if (owed < layerVarianceMin || above - owed < layerVarianceMin) continue;
    levels.unshift(survivors);
    above = owed;
  }
  return levels;
}

/** Levels by the excess alone, from the lowest above `minSurvivors` up. */
function levelsAbove(clients: number, minSurvivors: number, colluding: number): number[] {
  const levels: number[] = [];
  for (let level = clients; level > minSurvivors;) {
    levels.unshift(level);
    // The fewest survivors whose noise is not yet too much for one survivor less than this level.
    level = Math.min(level - 1, Math.ceil(colluding + (level - 1 - colluding) / excessMost));
  }
  return levels;
}

/**
 * Variances of one part's layers, steps², layer 0 first. Rounded up: those up to level i sum, in exact arithmetic, to at least V(sᵢ).
 *
 * @param levels - of {@link survivorLevels}
 * @param shareVariance - V(m) of this part
 */
export function layerVariances(levels: readonly number[], colluding: number, shareVariance: number): readonly number[] {
  const minSurvivors = levels.at(-1)!;
  let before = 0;
  return levels.map((survivors) => {
    const owed = owedAt(survivors, minSurvivors, colluding, shareVariance) * roundedUp;
    const layer = owed - before;
    before = owed;
    return layer;
  });
}

/** Layers that stay in the noise of each of so many survivors: 1 to all. */
export function layersKept(levels: readonly number[], survivors: number): number {
  const level = levels.findIndex((least) => least <= survivors);
  return level < 0 ? levels.length : level + 1;
}

/** V(s) = V(m)·(m − c) / (s − c). */
function owedAt(survivors: number, minSurvivors: number, colluding: number, shareVariance: number): number {
  return (shareVariance * (minSurvivors - colluding)) / (survivors - colluding);
}
