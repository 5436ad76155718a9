/**
 * Poisson arrivals, service that always takes the same time, several servers: M/D/c, exactly.
 *
 * While one service takes its time, c can be finished and N arrive, Poisson with mean `load`. Spitzer's identity ("A
 * combinatorial lemma", 1956) makes of the sums of N - c over n such times what waits: mean waiting = Σ 1/n E[sum+], and
 * -ln P(no wait) = Σ 1/n P(sum >= 0). That is Crommelin's series ("Delay probability formulas when the holding times are
 * constant", 1932), and slow near full use. With f(z) = z^-c e^(load (z - 1)), the generating function of N - c, it is
 *
 *   mean waiting   = -1/(2πi) ∮ ln(1 - f(z)) / (z - 1)² dz
 *   -ln P(no wait) = -1/(2πi) ∮ ln(1 - f(z)) / (z - 1)  dz
 *
 * on the circle |z| = c / load, through the saddle point of f: there nothing cancels. And on a circle the trapezoid rule
 * converges geometrically (Trefethen and Weideman, "The exponentially convergent trapezoidal rule", 2014).
 */

import { figuresOf, loadOf, overloaded, type Queue, type QueueFigures, utilisationOf } from './queue.ts'

/** What is left out is e^-40 of the whole, 4e-18. */
const precision = 40
/** As near to full as is integrated, in spare · √servers: it takes some 60,000 points, 5 ms. */
const leastDistance = 1e-3

interface Outcome {
  readonly meanWaiting: number
  readonly waitProbability: number
}

/**
 * Exact to some ten digits; to seven where (1 - utilisation) · √servers is below 0.001. An overloaded queue is no error: all
 * wait, for Infinity. Throws `out_of_range`.
 */
export function mdc(queue: Queue): QueueFigures {
  const { servers, serviceMs } = queue
  const load = loadOf(queue)
  if (load >= servers) return overloaded(utilisationOf(queue))
  if (load === 0) return figuresOf(queue, 0, 0)
  const { meanWaiting, waitProbability } = outcomeOf(servers, load / servers)
  return figuresOf(queue, waitProbability, (meanWaiting * serviceMs) / load)
}

function outcomeOf(servers: number, utilisation: number): Outcome {
  const spare = 1 - utilisation
  const least = leastDistance / Math.sqrt(servers)
  return spare < least ? nearFull(servers, spare, least) : integrate(servers, utilisation)
}

/**
 * What grows without bound near full use is known in closed form, 1 / (2 spare) + servers · spare / 2 of those who wait; the
 * rest hardly changes any more.
 */
function nearFull(servers: number, spare: number, least: number): Outcome {
  const pole = (at: number) => 1 / (2 * at) + (servers * at) / 2
  const { meanWaiting, waitProbability } = integrate(servers, 1 - least)
  return {
    meanWaiting: meanWaiting + pole(spare) - pole(least),
    waitProbability: 1 - (1 - waitProbability) * (spare / least),
  }
}

/** The upper half of the circle: the lower one is its mirror image. */
function integrate(servers: number, utilisation: number): Outcome {
  /** -ln f at the saddle point, for one server. */
  const decay = utilisation - 1 - Math.log(utilisation)
  const pairs = Math.ceil((precision + servers * decay) / Math.log1p(Math.sqrt(2 * decay)) / 2)
  let meanWaiting = 0
  let exponent = 0
  for (let pair = 0; pair < pairs; pair++) {
    const angle = (Math.PI * (pair + 0.5)) / pairs
    const drop = 2 * Math.sin(angle / 2) ** 2
    if (servers * drop > precision) break
    const [re, im] = logOfRest(-servers * (drop + decay), servers * (Math.sin(angle) - angle))
    const [a, b] = inverse((1 - utilisation - drop) / utilisation, Math.sin(angle) / utilisation)
    // With w = 1 / (z - 1) = a + bi: dz / (z - 1) is i (1 + w) dθ, and dz / (z - 1)² is i (w + w²) dθ.
    meanWaiting -= re * (a + a * a - b * b) - im * (b + 2 * a * b)
    exponent -= re * (1 + a) - im * b
  }
  return { meanWaiting: meanWaiting / pairs, waitProbability: -Math.expm1(-exponent / pairs) }
}

/** ln(1 - e^(x + iy)), for x below 0, without cancelling where e^(x + iy) is near 0 or near 1. */
function logOfRest(x: number, y: number): readonly [re: number, im: number] {
  const size = Math.exp(x)
  const re = 2 * Math.sin(y / 2) ** 2 - Math.expm1(x) * Math.cos(y)
  const im = -size * Math.sin(y)
  const log = size < 0.5 ? Math.log1p(size * (size - 2 * Math.cos(y))) / 2 : Math.log(Math.hypot(re, im))
  return [log, Math.atan2(im, re)]
}

function inverse(re: number, im: number): readonly [re: number, im: number] {
  const square = re * re + im * im
  return [re / square, -im / square]
}
