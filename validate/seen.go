package validate

import (
	"iter"
	"math/bits"
)

// lineTable remembers the first line of each of many hashes, in at most 17
// bytes a hash. It is in parts by the first bits of the hash, so that growing
// takes room and time for one of them alone.
type lineTable struct {
	parts [1 << seenBits]linePart
	// fetched is of no use but to fetch.
	fetched uint64
}

const seenBits = 6

// linePart is one part: open addressing, between 71 and 80 percent full.
type linePart struct {
	hashes []uint64 // 0 is a free place
	lines  []uint32
	used   int
}

// spread mixes a hash: its first bits choose the part, the others the place.
func spread(hash uint64) (part int, rest uint64) {
	hash *= 0x9e3779b97f4a7c15
	return int(hash >> (64 - seenBits)), hash << seenBits
}

// put notes line for hash if it is new, else it returns the line noted before.
func (t *lineTable) put(hash uint64, line uint32) (first uint32, dup bool) {
	if hash == 0 {
		hash = 1
	}
	n, rest := spread(hash)
	p := &t.parts[n]
	if 5*(p.used+1) > 4*len(p.hashes) {
		p.grow()
	}
	i := p.find(hash, rest)
	if p.hashes[i] == hash {
		return p.lines[i], true
	}
	p.hashes[i], p.lines[i] = hash, line
	p.used++
	return 0, false
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
			for _, hash := range t.parts[i].hashes {
				if hash != 0 && !yield(hash) {
					return
				}
			}
		}
	}
}

// fetch brings the places of the rows' hashes into the cache. Its loads do not
// wait for each other, as those of put do.
func (t *lineTable) fetch(rows []Scouted) {
	sum := uint64(0)
	for i := range rows {
		n, rest := spread(rows[i].hash)
		if p := &t.parts[n]; len(p.hashes) > 0 {
			sum += p.hashes[p.place(rest)]
		}
	}
	t.fetched = sum // or the compiler leaves the loads out
}

// place is where the search begins.
func (p *linePart) place(rest uint64) int {
	high, _ := bits.Mul64(rest, uint64(len(p.hashes)))
	return int(high)
}

// find returns the place of hash, or the free place where it belongs.
func (p *linePart) find(hash, rest uint64) int {
	i := p.place(rest)
	for p.hashes[i] != 0 && p.hashes[i] != hash {
		if i++; i == len(p.hashes) {
			i = 0
		}
	}
	return i
}

// grow makes room for an eighth more: doubling would cost up to 30 bytes a hash.
func (p *linePart) grow() {
	old := *p
	size := max(16, len(old.hashes)+len(old.hashes)/8)
	p.hashes, p.lines = make([]uint64, size), make([]uint32, size)
	for i, h := range old.hashes {
		if h != 0 {
			_, rest := spread(h)
			j := p.find(h, rest)
			p.hashes[j], p.lines[j] = h, old.lines[i]
		}
	}
}
