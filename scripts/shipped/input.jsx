import React, { useState as state } from 'react';
/** Counts clicks. */
export default class Counter extends React.Component {
  static #count = 0n;
  get total() { return Counter.#count ?? this.props?.start; }
  async *steps({ by = 1, ...rest }, [first, , last]) {
    for await (const step of /*#__PURE__*/ range(first, last)) yield step ** by;
    label: while (/^[a-z\d]+\/$/giu.test(`größe ${rest.name} \u2603`)) { continue label; }
  }
  render = () => <p className="n" {...this.props}>{this.total} &amp; more<br /></p>;
}
try { await import('./other.js'); } catch { console.log(import.meta.url); }
export function* make(...all) { if (new.target) yield* all.map(async (x) => ({ [x]: await x, x })); }
