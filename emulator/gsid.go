package emulator

import (
	"crypto/sha256"
	"encoding/binary"
)

// The prefixes of Gsids, by object, as they appear in the specification.
const (
	goalPrefix    = "1CG0"
	userPrefix    = "1P01"
	companyPrefix = "1P02"
	ctaPrefix     = "1S01"
	planPrefix    = "1S02"
	itemPrefix    = "1I00" // types, statuses, metrics and everything else
)

const gsidLength = 36

// seedGsid returns the Gsid of a seeded object: the same in every process, for
// sample files and tests refer to it.
func seedGsid(prefix, kind, name string) string {
	sum := sha256.Sum256([]byte("seed\x00" + kind + "\x00" + name))
	return prefix + string(appendBase36(nil, sum[:], gsidLength-len(prefix)))
}

// newGsid returns the Gsid of the nth record that a tenant of this seed makes.
func newGsid(prefix string, seed int64, n uint64) string {
	dst := make([]byte, 0, gsidLength)
	dst = append(dst, prefix...)
	dst = append(dst, "GSBEMULATOR0"...)
	var raw [16]byte
	binary.LittleEndian.PutUint64(raw[:], hash(uint64(seed), n, 1))
	binary.LittleEndian.PutUint64(raw[8:], hash(uint64(seed), n, 2))
	return string(appendBase36(dst, raw[:], gsidLength-len(dst)))
}

// appendBase36 appends n characters A–Z 0–9 drawn from raw, 8 bytes for each 12.
func appendBase36(dst, raw []byte, n int) []byte {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	for i := 0; i < n; {
		word := binary.LittleEndian.Uint64(raw)
		raw = raw[8:]
		for j := 0; j < 12 && i < n; j++ {
			dst = append(dst, digits[word%36])
			word /= 36
			i++
		}
	}
	return dst
}

// isGsid says whether s has the form of a Gsid.
func isGsid(s string) bool {
	if len(s) != gsidLength {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// hash mixes words into one, evenly (the finaliser of splitmix64).
func hash(words ...uint64) uint64 {
	h := uint64(0x9e3779b97f4a7c15)
	for _, w := range words {
		h ^= w
		h += 0x9e3779b97f4a7c15
		h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
		h = (h ^ h>>27) * 0x94d049bb133111eb
		h ^= h >> 31
	}
	return h
}

// hashText is FNV-1a.
func hashText(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// unit turns a hash into a number in [0,1).
func unit(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// appendRequestID appends a request id in the form of a UUID.
func appendRequestID(dst []byte, a, b uint64) []byte {
	const hex = "0123456789abcdef"
	var raw [16]byte
	binary.BigEndian.PutUint64(raw[:], a)
	binary.BigEndian.PutUint64(raw[8:], b)
	raw[6] = raw[6]&0x0f | 0x40
	raw[8] = raw[8]&0x3f | 0x80
	for i, c := range raw {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hex[c>>4], hex[c&15])
	}
	return dst
}
