package pipeline

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// RowSet is a set of line numbers, as --rows gives it. The zero set has every line.
type RowSet struct {
	ranges [][2]int // sorted, both ends included
}

// ParseRowSet reads "2-500,800" or "900-" (to the end).
func ParseRowSet(text string) (RowSet, error) {
	var set RowSet
	if strings.TrimSpace(text) == "" {
		return set, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		from, to, isRange := strings.Cut(strings.TrimSpace(part), "-")
		first, err := strconv.Atoi(strings.TrimSpace(from))
		last := first
		if err == nil && isRange {
			if last = int(^uint(0) >> 1); strings.TrimSpace(to) != "" {
				last, err = strconv.Atoi(strings.TrimSpace(to))
			}
		}
		if err != nil || first < 1 || last < first {
			return RowSet{}, fmt.Errorf("rows %q: %q is not a line or a range of lines; write 2-500,800", text, part)
		}
		set.ranges = append(set.ranges, [2]int{first, last})
	}
	slices.SortFunc(set.ranges, func(a, b [2]int) int { return a[0] - b[0] })
	return set, nil
}

// Has says whether the line is in the set.
func (s RowSet) Has(line int) bool {
	if len(s.ranges) == 0 {
		return true
	}
	for _, r := range s.ranges {
		if line < r[0] {
			return false
		}
		if line <= r[1] {
			return true
		}
	}
	return false
}
