/** Nodes in (0, 1) and weights of a rule that integrates over [0, 1]. */
export type Quadrature = { readonly nodes: Float64Array; readonly weights: Float64Array };

/**
 * The Gauss–Legendre rule of that many points on [0, 1]: exact for polynomials of degree 2·points - 1.
 * @param points - at least 1.
 * @see Golub, Welsch 1969; here the roots of the Legendre polynomial by Newton's method from Tricomi's first guess.
 */
export function gaussLegendre(points: number): Quadrature {
  const nodes = new Float64Array(points);
  const weights = new Float64Array(points);
  for (let i = 0; i < points; i++) {
    let x = -Math.cos((Math.PI * (i + 0.75)) / (points + 0.5));
    let slope = 0;
    for (let iteration = 0; iteration < 100; iteration++) {
      let [before, value] = [1, x];
      for (let degree = 2; degree <= points; degree++) {
        [before, value] = [value, ((2 * degree - 1) * x * value - (degree - 1) * before) / degree];
      }
      slope = (points * (x * value - before)) / (x * x - 1);
      const step = value / slope;
      x -= step;
      if (Math.abs(step) < 1e-15) break;
    }
    nodes[i] = (x + 1) / 2;
    weights[i] = 1 / ((1 - x * x) * slope * slope);
  }
  return { nodes, weights };
}
