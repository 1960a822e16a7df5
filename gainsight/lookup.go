package gainsight

import (
	"cmp"
	"slices"
	"strings"
)

// Lookup tells the server how to turn a name into an id.
type Lookup struct {
	Field       string // the field to fill: CompanyId, or a custom lookup field
	Key         string // the record key that carries the name: CompanyName
	ObjectField string // what the name is compared with: Name
	LookupField string // what is taken from the match: Gsid
	ObjectName  string // company
	MultiMatch  string // FIRSTMATCH, MARKASERROR
	OnNoMatch   string // ERROR, NULLABLE, DEFAULTVALUE
}

// AppendLookups appends the value of "lookups" to dst: an object with one
// member for each Field, sorted, so that equal lookups give equal bytes. The
// Keys of one Field stand together, which the server reads as AND; the other
// settings of a Field are those of its first Lookup.
func AppendLookups(dst []byte, lookups []Lookup) []byte {
	sorted := slices.Clone(lookups)
	slices.SortStableFunc(sorted, func(a, b Lookup) int { return cmp.Compare(a.Field, b.Field) })
	dst = append(dst, '{')
	for len(sorted) > 0 {
		end := 1
		for end < len(sorted) && sorted[end].Field == sorted[0].Field {
			end++
		}
		dst = appendLookup(dst, sorted[:end])
		if sorted = sorted[end:]; len(sorted) > 0 {
			dst = append(dst, ',')
		}
	}
	return append(dst, '}')
}

// appendLookup appends one member for lookups that share their Field.
func appendLookup(dst []byte, group []Lookup) []byte {
	first := group[0]
	slices.SortStableFunc(group, func(a, b Lookup) int { return cmp.Compare(a.Key, b.Key) })
	dst = appendString(dst, first.Field)
	dst = append(dst, `:{"fields":{`...)
	for i, l := range group {
		if i > 0 && l.Key == group[i-1].Key {
			continue
		}
		dst = appendMember(dst, l.Key, l.ObjectField, String)
	}
	dst = append(dst, '}')
	dst = appendMember(dst, "lookupField", first.LookupField, String)
	dst = appendMember(dst, "objectName", first.ObjectName, String)
	dst = appendMember(dst, "multiMatchOption", first.MultiMatch, String)
	dst = appendMember(dst, "onNoMatch", first.OnNoMatch, String)
	return append(dst, '}')
}

// LookupFailed says that the record was refused because the server could not
// turn one of its names into an id (8008, "Lookup Error"). Records with the
// same names fail alike.
func (a Answer) LookupFailed() bool {
	return a.Verdict == Rejected && strings.HasSuffix(a.Code, "8008")
}
