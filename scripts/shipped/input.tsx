import { useState, type FC } from 'react';
enum Level { Low = 1, High = Low << 3, Name = 'größe'.length }
interface Props<T> { readonly items: T[]; level?: Level }
namespace Inner { export const limit: number = 0x10 * 2; }
export const List: FC<Props<string>> = ({ items, level = Level.High }) => {
  const [count, setCount] = useState<number>(0);
  const shown = items.filter((item) => item !== undefined && item.length > Inner.limit);
  if (false) { console.log('never'); }
  return <ul className="list" onClick={() => setCount(count + 1)}>
    {shown.map((item, index) => <li key={index}>{item} &amp; {`${level}: ${count satisfies number}`}</li>)}
  </ul>;
};
export default abstract class Box<T extends object> {
  constructor(private readonly value: T, protected name?: string) {}
  get it(): T { return this.value!; }
}
