package pipeline

import (
	"strings"
	"testing"
)

func TestOddNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]question{
		"Grow by 10 (EMEA), Q1/Q2_a: b-c.": {}, strings.Repeat("a", longestPlain): {},
		"R&D": {field: "Name", value: ""}, "Gro\u0308w": {field: "Name", value: "Gro", operator: "STARTS_WITH"},
		" Grow": {field: "Name", value: "Grow", operator: "STARTS_WITH"}, "Grow ": {field: "Name", value: "Grow", operator: "STARTS_WITH"},
		"Grow  by 10": {field: "Name", value: "Grow", operator: "STARTS_WITH"}, "R&D goals & <b>means</b>": {field: "Name", value: "D goals", operator: "CONTAINS"},
		"Größe": {field: "Name", value: "", operator: ""}, "目標 of 2027": {field: "Name", value: "of 2027", operator: "CONTAINS"}, "目標": {},
		strings.Repeat("ab", longestPlain): {field: "Name", value: strings.Repeat("ab", longestPlain/4), operator: "STARTS_WITH"},
	} {
		ask, any := like(name)
		plain := want == (question{}) && name != "目標" && name != "Größe"
		if isPlain(name) != plain {
			t.Errorf("%q is plain: %v", name, !plain)
		}
		if any = any && !isPlain(name); any != (want.value != "") || any && ask != want {
			t.Errorf("%q: %v %+v, want %+v", name, any, ask, want)
		}
	}
	for _, tt := range []struct {
		has, sent string
		want      bool
	}{
		{"R&amp;D goal", "R&D goal", true}, {"RD goal", "R&D goal", true}, {"r d  GOAL", "R&D goal", true}, {"A goal", "A <i>goal</i>", true},
		{"A igoal/i", "A <i>goal</i>", true}, {"A &lt;i&gt;goal&lt;/i&gt;", "A <i>goal</i>", true}, {"A g", "A goal", true}, {"A goal more", "A goal", false},
		{"B goal", "A goal", false}, {"", "A goal", false}, {"Gr?n", "Grün", true}, {"A", "A goal", false},
	} {
		if got := resembles(tt.has, tt.sent); got != tt.want {
			t.Errorf("%q for %q: %v", tt.has, tt.sent, got)
		}
	}
}
