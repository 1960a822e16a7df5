package validate

import (
	"iter"
	"math/bits"
)

// lineTable remembers the first line of each of many hashes, whose bits must all
// be as good as random, in at most 17 bytes a hash where there are many. It is
// in parts by the first bits of the hash, which grow by themselves.
type lineTable struct {
	parts [1 << seenBits]linePart
	moved []lineEntry // scratch: the entries of a part that grows
	// expected is how many pages a part needs for all hashes there will be, if
	// that is known: to lay the parts anew as they fill takes a third of put.
	expected int
	// fetched is of no use but to fetch.
	fetched uint32
}

const seenBits = 6

// linePart is one part: open addressing, up to 80 percent full, in pages, so
// that growing leaves nothing behind to be collected. Its entries stand in the
// order of their hashes, each at its place or as near behind as those before it
// let it: so growing finds where they belong without searching. As one slice
// of which each growth makes another, with searching, this took a quarter of
// the time of validate.
type linePart struct {
	pages  []*linePage
	places int // that a hash may have; there is room behind them for a crowd at the last
	used   int
}

type linePage [1 << pageBits]lineEntry

const (
	pageBits = 8
	// seenTail is the room behind the last place.
	seenTail = 32
)

// lineEntry is a hash, in halves lest there be a gap of four bytes, and its
// line. A hash of 0 is a free place.
type lineEntry struct{ high, low, line uint32 }

func (e *lineEntry) hash() uint64 { return uint64(e.high)<<32 | uint64(e.low) }

func (p *linePart) at(i int) *lineEntry { return &p.pages[i>>pageBits][i&(1<<pageBits-1)] }

func (p *linePart) size() int { return len(p.pages) << pageBits }

func partOf(hash uint64) int { return int(hash >> (64 - seenBits)) }

// put notes line for hash if it is new, else it returns the line noted before.
func (t *lineTable) put(hash uint64, line uint32) (first uint32, dup bool) {
	hash = max(hash, 1)
	p := &t.parts[partOf(hash)]
	if 5*(p.used+1) > 4*p.places {
		t.grow(p)
	}
	i := p.find(hash)
	if e := p.at(i); e.hash() == hash {
		return e.line, true
	}
	p.makeRoom(i)
	*p.at(i) = lineEntry{uint32(hash >> 32), uint32(hash), line}
	p.used++
	return 0, false
}

// expect is told how many hashes there will be, in all. Each part makes room
// for its share, and some more, when it grows next.
func (t *lineTable) expect(hashes int) {
	t.expected = (hashes>>seenBits)*4/3>>pageBits + 1
}

// used is how many hashes there are.
func (t *lineTable) used() (n int) {
	for i := range t.parts {
		n += t.parts[i].used
	}
	return n
}

// all yields every hash.
func (t *lineTable) all() iter.Seq[uint64] {
	return func(yield func(uint64) bool) {
		for i := range t.parts {
			for _, page := range t.parts[i].pages {
				for j := range page {
					if hash := page[j].hash(); hash != 0 && !yield(hash) {
						return
					}
				}
			}
		}
	}
}

// fetch brings the places of the rows' hashes into the cache. Its loads do not
// wait for each other, as those of put do.
func (t *lineTable) fetch(rows []Scouted) {
	sum := uint32(0)
	for i := range rows {
		if p := &t.parts[partOf(rows[i].hash)]; p.places > 0 {
			sum += p.at(place(rows[i].hash, p.places)).line
		}
	}
	t.fetched = sum // or the compiler leaves the loads out
}

// place is where a hash stands in a part of so many places, if nothing is in its way.
func place(hash uint64, places int) int {
	high, _ := bits.Mul64(hash<<seenBits, uint64(places))
	return int(high)
}

// find returns where hash stands, or where it belongs: a free place, or that of
// a greater one. It is behind the last where there is no place left.
func (p *linePart) find(hash uint64) int {
	i := place(hash, p.places)
	for there := p.at(i).hash(); there != 0 && there < hash; there = p.at(i).hash() {
		i++
	}
	return i
}

// makeRoom frees the place i: what stands there moves on, and what is in its way.
func (p *linePart) makeRoom(i int) {
	free := i
	for p.at(free).hash() != 0 {
		free++
	}
	if free == p.size()-1 { // which must stay free, to end every search
		p.pages = append(p.pages, new(linePage))
	}
	for ; free > i; free-- {
		*p.at(free) = *p.at(free - 1)
	}
}

// growth is how many pages a part with so many gets. Doubling costs up to 30
// bytes a hash, which is little as long as there are few.
func growth(pages int) int {
	if pages < fewPages {
		return max(1, pages)
	}
	return pages / 8
}

// fewPages are those of a part of a table of some 300,000 hashes.
const fewPages = 16

// grow makes room for more.
func (t *lineTable) grow(p *linePart) {
	if len(t.moved) < p.size() {
		t.moved = make([]lineEntry, p.size()+p.size()/2)
	}
	n := 0
	for _, page := range p.pages {
		for i := range page {
			t.moved[n] = page[i] // even a free place: no branch to be guessed
			if page[i].hash() != 0 {
				n++
			}
		}
		*page = linePage{}
	}
	if p.pages == nil {
		p.places = -seenTail
	}
	for range max(growth(len(p.pages)), t.expected-len(p.pages)) {
		p.pages = append(p.pages, new(linePage))
		p.places += 1 << pageBits
	}
	free := 0
	for i := range t.moved[:n] {
		e := &t.moved[i]
		free = max(free, place(e.hash(), p.places))
		*p.at(free) = *e
		free++
	}
}
