package gainsight

import "hash/maphash"

// gsidSet remembers Gsids by 128 bits of hash, and of each the last pass of a
// walk that met it: a million goals cost tens of megabytes.
type gsidSet struct {
	seeds [2]maphash.Seed
	known map[[2]uint64]uint8
}

// earlier stands for the first pass of a walk that was resumed: which of the
// goals it is said to have met it did meet is not certain.
const earlier = 255

func newGsidSet() *gsidSet {
	return &gsidSet{
		seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
		known: make(map[[2]uint64]uint8),
	}
}

func (s *gsidSet) key(gsid string) [2]uint64 {
	return [2]uint64{maphash.String(s.seeds[0], gsid), maphash.String(s.seeds[1], gsid)}
}

func (s *gsidSet) len() int { return len(s.known) }

// add reports whether the Gsid is new; then no pass has met it yet.
func (s *gsidSet) add(gsid string) bool {
	key := s.key(gsid)
	if _, ok := s.known[key]; ok {
		return false
	}
	s.known[key] = 0
	return true
}

func (s *gsidSet) has(gsid string) bool {
	_, ok := s.known[s.key(gsid)]
	return ok
}

// mark notes that a pass, counted from 1, met the Gsid, and reports whether it had before.
func (s *gsidSet) mark(gsid string, pass int) bool {
	key := s.key(gsid)
	again := s.known[key] == uint8(pass)
	s.known[key] = uint8(pass)
	return again
}

// marked reports whether a pass met the Gsid.
func (s *gsidSet) marked(gsid string, pass int) bool { return s.known[s.key(gsid)] == uint8(pass) }
