package pipeline

import (
	"cmp"
	"html"
	"strings"
	"unicode"

	"gsbatch/gainsight"
	"gsbatch/validate"
)

// A tenant may keep a name otherwise than it was sent: without the blanks at
// its ends, with & as &amp;, without what looks like a tag, or cut. Then no goal
// has the name that was sent, which proves nothing: what begins like it is
// looked at, too.

// longestPlain is the length up to which a name is taken to be kept whole.
const longestPlain = 100

// isPlain says that a name has nothing that a tenant could change.
func isPlain(name string) bool {
	return len(name) <= longestPlain && name == strings.Join(strings.Fields(name), " ") && !strings.ContainsFunc(name, func(r rune) bool { return !plainRune(r) })
}

func plainRune(r rune) bool {
	return r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" .,:-_/()", r))
}

// shortestPart is how much of a name is enough to ask for.
const shortestPart = 3

// like is the question for the goals whose names are like one that is not
// plain: by how it begins or else by its longest plain part; false where there
// is nothing to ask for.
func like(name string) (question, bool) {
	parts := plainParts(name)
	longest := ""
	for _, part := range parts {
		if len(part) > len(longest) {
			longest = part
		}
	}
	if len(parts) > 0 && len(parts[0]) >= shortestPart && strings.HasPrefix(strings.TrimSpace(name), parts[0]) {
		return question{field: "Name", value: parts[0], operator: "STARTS_WITH"}, true
	}
	return question{field: "Name", value: longest, operator: "CONTAINS"}, len(longest) >= shortestPart
}

// plainParts are the parts of a name that a tenant keeps in any case.
func plainParts(name string) (parts []string) {
	for part := range strings.FieldsFuncSeq(strings.ReplaceAll(name, "  ", "\x00"), func(r rune) bool { return !plainRune(r) }) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, strings.TrimSpace(part[:min(len(part), longestPlain/2)]))
		}
	}
	return parts
}

// resembles says whether a name may be what a tenant made of the one that was sent.
func resembles(has, sent string) bool {
	for _, tags := range []bool{false, true} {
		has, sent := bones(has, tags), bones(sent, tags)
		if has == sent || len(has) >= 2 && strings.HasPrefix(sent, has) {
			return true
		}
	}
	return false
}

// bones are the letters and digits of ASCII in a name without entities, those
// within tags included or not.
func bones(name string, tags bool) string {
	var b strings.Builder
	within := false
	for _, r := range validate.Fold(html.UnescapeString(name)) {
		switch {
		case r == '<':
			within = !tags
		case r == '>':
			within = false
		case !within && r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)):
			b.WriteRune(r)
		}
	}
	return b.String()
}

// condition is what is asked.
func (q question) condition() gainsight.Condition {
	return gainsight.Condition{Field: q.field, Operator: cmp.Or(q.operator, "EQ"), Values: []gainsight.Value{gainsight.String(q.value)}}
}
