package gainsight

import (
	"strings"
)

// each says what became of each item of a call whose answer means whole.
//
// A call of one record has its answer. For several: what was not sent, was
// throttled, or ended the run, did so for all of them. Where the answer lists
// records, an item is done or rejected that the lists name, by Gsid or by name;
// failures that name nobody are those of the items that are left, if they are
// as many. An item that no list tells of is in doubt. An answer without lists
// tells of no item: one in doubt leaves all in doubt, and of one that refuses
// the call as a whole it is not known which record was meant, nor whether those
// before it were carried out: Rejected, and Whole.
func each(whole Answer, w *Write) []Answer {
	answers := make([]Answer, len(w.Items))
	for i := range answers {
		answers[i] = whole
	}
	if len(w.Items) == 1 {
		return answers
	}
	success := whole.HTTPStatus >= 200 && whole.HTTPStatus < 300
	switch whole.Verdict {
	case Done, Rejected, InDoubt:
	default:
		return answers
	}
	if !success || len(whole.Listed) == 0 {
		for i := range answers {
			answers[i].Whole = true
		}
		return answers
	}
	attribute(answers, whole, w)
	return answers
}

// attribute gives the elements of the lists to the items.
func attribute(answers []Answer, whole Answer, w *Write) {
	taken := make([]bool, len(whole.Listed))
	var left []int
	for i := range answers {
		gsid, name := identity(w.Items[i])
		at := find(whole.Listed, taken, gsid, name)
		if at < 0 {
			left = append(left, i)
			continue
		}
		taken[at] = true
		answers[i].be(&whole.Listed[at])
	}
	var nameless []*Listed
	for at := range whole.Listed {
		if l := &whole.Listed[at]; !taken[at] && l.Failed {
			nameless = append(nameless, l)
		}
	}
	for n, i := range left {
		a := &answers[i]
		a.Gsid, a.Whole = "", true
		a.Verdict, a.Code, a.Message = InDoubt, "", "the answer does not say what became of this record"
		if len(nameless) != len(left) {
			continue
		}
		a.be(nameless[n])
		if len(left) > 1 {
			a.Message = alike(nameless)
		}
	}
}

// be is the verdict of one element.
func (a *Answer) be(l *Listed) {
	a.Whole, a.Listed = false, nil
	if !l.Failed {
		a.Gsid = l.Gsid
		a.Verdict, a.Code, a.Message, a.Err = Done, "", "", nil
		if l.Gsid == "" {
			a.Verdict, a.Whole, a.Message = InDoubt, true, "the answer names the record and has no Gsid"
		}
		return
	}
	a.Gsid, a.Verdict = "", Rejected
	a.Code, a.Message = printable(l.Code), withoutID(l.Message, a.RequestID)
	if a.Message == "" {
		a.Message = "the record is in failureList, without a reason"
	}
}

// alike are the messages of failures that name no record: one of them is each item's.
func alike(list []*Listed) string {
	var messages []string
	for _, l := range list {
		messages = append(messages, l.Message)
	}
	return "one of: " + strings.Join(messages, " / ")
}

// find is the element that names the item, -1 where none, or more than one of
// its name, does.
func find(list []Listed, taken []bool, gsid, name string) int {
	at := -1
	for i := range list {
		l := &list[i]
		switch {
		case taken[i]:
		case gsid != "" && l.Gsid == gsid:
			return i
		case gsid == "" && name != "" && l.Name == name:
			if at >= 0 {
				return -1
			}
			at = i
		}
	}
	return at
}

// identity is what an item names its record by: the Gsid of an update or a
// delete, the name of a create.
func identity(item []byte) (gsid, name string) {
	var l Listed
	s := scanner{data: item}
	if s.space() == '"' {
		v, _ := s.value()
		return text(v), ""
	}
	_ = l.record(&s) // our own JSON
	return l.Gsid, l.Name
}
