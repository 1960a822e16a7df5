package pipeline

import "testing"

func TestLearnedParents(t *testing.T) {
	t.Parallel()
	l := newLearned(map[string]string{
		"company IBM":               "CompanyId=1",
		"company Meta":              "CompanyId=2",
		"company Two":               "CompanyId=3",
		"company TWO ":              "CompanyId=4",
		"company X\nrelationship Y": "CompanyId=5;RelationshipId=6",
		"relationship R":            "CompanyId=7;RelationshipId=8",
	})
	for names, want := range map[string]string{"company ibm": "1", "company Two": "", "company X\nrelationship Y": "5", "company Z": ""} {
		if got := l.id(names, "CompanyId"); got != want {
			t.Errorf("%q is %q, want %q", names, got, want)
		}
	}
	for id, want := range map[string]bool{"1": true, "2": false, "5": false, "7": false, "9": false} {
		if got := l.other("company meta", "CompanyId", id); got != want {
			t.Errorf("%s is another than Meta: %v", id, got)
		}
	}
}
