package gainsight

import (
	"hash/maphash"
	"math/bits"
)

// gsidSet remembers Gsids by 128 bits of hash, and of each the last pass of a
// walk that met it, in at most 24 bytes a goal. It is in parts by the first
// bits of the hash, so that growing takes room for one of them alone: a map
// doubles all of them at about the same time.
type gsidSet struct {
	seeds [2]maphash.Seed
	parts [1 << gsidBits]gsidPart
	count int
}

const gsidBits = 6

// gsidPart is one part: open addressing, between 71 and 80 percent full.
type gsidPart struct {
	keys   [][2]uint64 // zero is a free place
	passes []uint8
	used   int
}

// earlier stands for the first pass of a walk that was resumed: which of the
// goals it is said to have met it did meet is not certain.
const earlier = 255

func newGsidSet() *gsidSet {
	return &gsidSet{seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
}

func (s *gsidSet) len() int { return s.count }

// place finds the part and the place of a Gsid, or the free place where it
// belongs; known is false for the latter.
func (s *gsidSet) place(gsid string) (p *gsidPart, at int, key [2]uint64, known bool) {
	key = [2]uint64{maphash.String(s.seeds[0], gsid), maphash.String(s.seeds[1], gsid) | 1}
	p = &s.parts[key[0]>>(64-gsidBits)]
	if len(p.keys) == 0 {
		return p, 0, key, false
	}
	at = p.find(key)
	return p, at, key, p.keys[at] == key
}

func (p *gsidPart) find(key [2]uint64) int {
	high, _ := bits.Mul64(key[0]<<gsidBits, uint64(len(p.keys)))
	i := int(high)
	for p.keys[i] != [2]uint64{} && p.keys[i] != key {
		if i++; i == len(p.keys) {
			i = 0
		}
	}
	return i
}

// add reports whether the Gsid is new; then no pass has met it yet.
func (s *gsidSet) add(gsid string) bool {
	p, at, key, known := s.place(gsid)
	if known {
		return false
	}
	if 5*(p.used+1) > 4*len(p.keys) {
		p.grow()
		at = p.find(key)
	}
	p.keys[at] = key
	p.used++
	s.count++
	return true
}

// grow makes room for an eighth more.
func (p *gsidPart) grow() {
	old := *p
	size := max(16, len(old.keys)+len(old.keys)/8)
	p.keys, p.passes = make([][2]uint64, size), make([]uint8, size)
	for i, key := range old.keys {
		if key != [2]uint64{} {
			at := p.find(key)
			p.keys[at], p.passes[at] = key, old.passes[i]
		}
	}
}

func (s *gsidSet) has(gsid string) bool {
	_, _, _, known := s.place(gsid)
	return known
}

// mark notes that a pass, counted from 1, met the Gsid, and reports whether it had before.
func (s *gsidSet) mark(gsid string, pass int) bool {
	s.add(gsid)
	p, at, _, _ := s.place(gsid)
	again := p.passes[at] == uint8(pass)
	p.passes[at] = uint8(pass)
	return again
}

// marked reports whether a pass met the Gsid.
func (s *gsidSet) marked(gsid string, pass int) bool {
	p, at, _, known := s.place(gsid)
	return known && p.passes[at] == uint8(pass)
}
