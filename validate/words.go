package validate

// Texts are looked at eight bytes at a time, each byte of a uint64 compared at
// once: a checker looks at every byte of a table, and one at a time costs six
// times as much. The sums below never carry from one byte into the next as long
// as every byte is ASCII, which callers see by the high bits.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// eight is s[i:i+8], the first byte lowest.
func eight(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// atLeast has the high bit of each byte of x that is b or more.
func atLeast(x uint64, b byte) uint64 { return x + uint64(0x80-b)*ones }

// plainText reports whether s is ASCII without control characters.
func plainText(s string) bool {
	if len(s) < 8 {
		for i := 0; i < len(s); i++ {
			if s[i] < ' ' || s[i] >= 0x7f {
				return false
			}
		}
		return true
	}
	odd := unplain(eight(s, len(s)-8)) // the last bytes, some of them perhaps twice
	for ; len(s) >= 32; s = s[32:] {
		odd |= unplain(eight(s, 0)) | unplain(eight(s, 8)) | unplain(eight(s, 16)) | unplain(eight(s, 24))
	}
	for ; len(s) >= 8; s = s[8:] {
		odd |= unplain(eight(s, 0))
	}
	return odd&highs == 0
}

// unplain has the high bit of some byte of x unless all are printable ASCII.
func unplain(x uint64) uint64 { return x | ^atLeast(x, ' ') | atLeast(x, 0x7f) }

// isGsid reports whether s has the shape of a Gsid.
func isGsid(s string) bool {
	if len(s) != gsidLength {
		return false
	}
	return gsidWord(eight(s, 0)) && gsidWord(eight(s, 8)) && gsidWord(eight(s, 16)) && gsidWord(eight(s, 24)) && gsidWord(eight(s, 28))
}

// gsidWord reports whether all bytes of x are A–Z or 0–9.
func gsidWord(x uint64) bool {
	letters := atLeast(x, 'A') &^ atLeast(x, 'Z'+1)
	digits := atLeast(x, '0') &^ atLeast(x, '9'+1)
	return (letters|digits)&^x&highs == highs
}

// appendLower appends what of s is ASCII, from its start, in lower case and
// returns its length.
func appendLower(dst []byte, s string) ([]byte, int) {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		x := eight(s, i)
		if x&highs != 0 {
			break
		}
		x |= (atLeast(x, 'A') &^ atLeast(x, 'Z'+1) & highs) >> 2 // 0x20 where a capital is
		dst = append(dst, byte(x), byte(x>>8), byte(x>>16), byte(x>>24), byte(x>>32), byte(x>>40), byte(x>>48), byte(x>>56))
	}
	for ; i < len(s) && s[i] < 0x80; i++ {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst, i
}
