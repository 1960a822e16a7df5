package gainsight

import (
	"fmt"
	"slices"
	"strings"
)

// each says what became of each item of a call whose answer means whole.
//
// What was not sent, was throttled, or ended the run, did so for all items.
// Where the answer lists records, an item is done or rejected that the lists
// name once, by Gsid or by name. An element that names nobody is of the item
// that is left, where the lists have as many elements as there are items: each
// of several failures is then one of theirs. An item of which the lists tell
// nothing, or two things, is in doubt, and so is one that is listed as done in an
// answer that calls itself a failure. No Gsid answers for two items.
//
// An answer without lists tells of one item alone. Of several, one in doubt
// leaves all in doubt, and of one that refuses the call as a whole it is not
// known which record was meant, nor whether those before it were carried out:
// Rejected, and Whole.
func each(whole Answer, w *Write) []Answer {
	answers := make([]Answer, len(w.Items))
	for i := range answers {
		answers[i] = whole
	}
	success := whole.HTTPStatus >= 200 && whole.HTTPStatus < 300
	switch several := len(w.Items) > 1; {
	case whole.Verdict != Done && whole.Verdict != Rejected && whole.Verdict != InDoubt:
	case success && len(whole.Listed) > 0 && whole.Code != codeCrash && whole.Code != codeUnexpected:
		if several || contradicts(&whole, w) {
			newAttribution(&whole, w).tell(answers)
		}
	case several:
		for i := range answers {
			a := &answers[i]
			if a.Whole = true; a.Verdict == Done {
				a.Verdict, a.Gsid, a.Message = InDoubt, "", "the answer has one record for a call of several"
			}
		}
	}
	return answers
}

// contradicts says whether the lists in the answer to a single item say
// something else than that it was done, or failed. A delete is known by its id,
// which the specification's own sample answers with another.
func contradicts(whole *Answer, w *Write) bool {
	done := map[string]bool{}
	failed := false
	for i := range whole.Listed {
		l := &whole.Listed[i]
		if failed = failed || l.Failed || l.Unsure; !l.Failed {
			done[l.Gsid] = true
		}
	}
	gsid, _ := identity(w.Items[0])
	return len(done) > 1 || len(done) > 0 && failed || len(done) > 0 && w.Action == "update" && gsid != "" && !done[gsid]
}

// attribution gives the elements of the lists to the items.
type attribution struct {
	whole *Answer
	w     *Write
	of    [][]*Listed // by item: the elements that name it
	loose []*Listed   // elements that name no item
	twice map[string]bool
}

func newAttribution(whole *Answer, w *Write) *attribution {
	t := &attribution{whole: whole, w: w, of: make([][]*Listed, len(w.Items)), twice: map[string]bool{}}
	var gsids, names []string
	for _, item := range w.Items {
		gsid, name := identity(item)
		gsids, names = append(gsids, gsid), append(names, name)
	}
	owner := map[string]int{} // of the Gsids that are told as done
	for at := range whole.Listed {
		l := &whole.Listed[at]
		i := named(gsids, names, l)
		if i < 0 {
			t.loose = append(t.loose, l)
			i = -1 - at
		} else {
			t.of[i] = append(t.of[i], l)
		}
		if other, known := owner[l.Gsid]; known && other != i {
			t.twice[l.Gsid] = true
		}
		if owner[l.Gsid] = i; l.Gsid == "" {
			delete(owner, "")
		}
	}
	return t
}

// named is the item that an element names, -1 for none or several: by Gsid in
// an update or a delete, in a create by name, whose case and outer blanks
// servers may change.
func named(gsids, names []string, l *Listed) int {
	same := func(i int) bool { return gsids[i] == "" && names[i] != "" && names[i] == l.Name }
	only := func(is func(int) bool) int {
		found := -1
		for i := range gsids {
			if is(i) {
				if found >= 0 {
					return -1
				}
				found = i
			}
		}
		return found
	}
	if l.Gsid != "" {
		if i := only(func(i int) bool { return gsids[i] == l.Gsid }); i >= 0 {
			return i
		}
	}
	if i := only(same); i >= 0 {
		return i
	}
	return only(func(i int) bool {
		return gsids[i] == "" && strings.TrimSpace(l.Name) != "" && strings.EqualFold(strings.TrimSpace(names[i]), strings.TrimSpace(l.Name))
	})
}

// tell turns the answer to the call into those to its items.
func (t *attribution) tell(answers []Answer) {
	var left []int
	for i := range answers {
		a := &answers[i]
		a.Gsid, a.Listed = "", nil
		switch list := t.of[i]; {
		case len(list) == 0:
			left = append(left, i)
		case !t.agree(list):
			a.doubt("the answer tells different things of this record")
		default:
			a.be(list[0])
		}
	}
	if failures := t.failures(); failures > len(left) { // one of them is of a record that is told as done
		for i := range answers {
			if answers[i].Verdict == Done {
				answers[i].doubt("the answer has more failures than records that are not told as done")
			}
		}
	}
	if len(left) == 0 {
		return
	}
	stray := t.stray(answers)
	counted := len(t.whole.Listed) == len(answers) && len(t.loose) == len(left) && len(t.twice) == 0
	for _, i := range left {
		a := &answers[i]
		switch {
		case counted && len(left) == 1 && (t.loose[0].nameless() || t.w.Action == "create"):
			a.be(t.loose[0])
		case counted && !slices.ContainsFunc(t.loose, func(l *Listed) bool { return !l.Failed || !l.nameless() }):
			a.be(t.loose[0])
			a.Message = alike(t.loose)
		default:
			a.doubt("the answer does not say what became of this record")
			a.Strays = stray
		}
	}
}

// agree says whether elements of one item say the same.
func (t *attribution) agree(list []*Listed) bool {
	for _, l := range list {
		if l.Failed != list[0].Failed || !l.Failed && (l.Gsid != list[0].Gsid || t.twice[l.Gsid]) {
			return false
		}
	}
	return true
}

// failures are how many elements are of failures that name nobody.
func (t *attribution) failures() (n int) {
	for _, l := range t.loose {
		if l.Failed && l.nameless() {
			n++
		}
	}
	return n
}

// stray are the Gsids of new records that the answer gives to no item.
func (t *attribution) stray(answers []Answer) []string {
	var gsids []string
	for i := range t.whole.Listed {
		l := &t.whole.Listed[i]
		if t.w.Action == "create" && !l.Failed && l.Gsid != "" && !slices.ContainsFunc(answers, func(a Answer) bool { return a.Verdict == Done && a.Gsid == l.Gsid }) {
			gsids = append(gsids, l.Gsid)
		}
	}
	slices.Sort(gsids)
	return slices.Compact(gsids)
}

func (l *Listed) nameless() bool { return l.Gsid == "" && l.Name == "" }

// be is the verdict of one element. What is listed as done in an answer that
// calls itself a failure may have been taken back.
func (a *Answer) be(l *Listed) {
	switch {
	case l.Failed:
		a.Whole, a.Gsid, a.Verdict = false, "", Rejected
		a.Code, a.Message = printable(l.Code), withoutID(l.Message, a.RequestID)
		if a.Message == "" {
			a.Message = "the record is in failureList, without a reason"
		}
	case l.Gsid == "":
		a.doubt("the answer names the record and has no Gsid")
	case l.Unsure:
		a.doubt(fmt.Sprintf("the answer lists the record %s and calls itself a failure", l.Gsid))
	default:
		a.Whole, a.Gsid = false, l.Gsid
		a.Verdict, a.Code, a.Message, a.Err = Done, "", "", nil
	}
}

func (a *Answer) doubt(why string) {
	a.Whole, a.Gsid, a.Verdict, a.Code, a.Message = true, "", InDoubt, "", why
}

// alike are the messages of failures that name no record: one of them is each item's.
func alike(list []*Listed) string {
	var messages []string
	for _, l := range list {
		if !slices.Contains(messages, l.Message) {
			messages = append(messages, l.Message)
		}
	}
	if len(messages) == 1 {
		return messages[0]
	}
	return "one of: " + strings.Join(messages, " / ")
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
