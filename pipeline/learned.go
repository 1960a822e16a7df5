package pipeline

import (
	"strings"

	"gsbatch/validate"
)

// learned are parents that the server resolved names to, in earlier runs.
type learned struct {
	parents map[string]string // Event.Parents by Op.Names, folded
	names   map[string]string // the only name, folded, by CompanyId=…; "" where there are several
}

func newLearned(taught map[string]string) learned {
	l := learned{parents: map[string]string{}, names: map[string]string{}}
	for names, parents := range taught {
		key := validate.Fold(names)
		if known, twice := l.parents[key]; twice && known != parents {
			parents = "" // one name, two ids
		}
		l.parents[key] = parents
		if strings.Contains(names, "\n") {
			continue // several names, whose ids are not told apart
		}
		object, _, _ := strings.Cut(names, " ")
		for part := range strings.SplitSeq(parents, ";") {
			field, _, _ := strings.Cut(part, "=")
			if !strings.EqualFold(field, object+"Id") {
				continue
			}
			if known, twice := l.names[part]; twice && known != key {
				key = ""
			}
			l.names[part] = key
		}
	}
	return l
}

// id is the id that names were resolved to, "" unknown.
func (l learned) id(names, field string) string {
	for part := range strings.SplitSeq(l.parents[validate.Fold(names)], ";") {
		if name, id, ok := strings.Cut(part, "="); ok && name == field {
			return id
		}
	}
	return ""
}

// other says that the record of that id is known by another name than names.
func (l learned) other(names, field, id string) bool {
	known := l.names[field+"="+id]
	return known != "" && !strings.Contains(names, "\n") && known != validate.Fold(names)
}
