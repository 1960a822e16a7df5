package writers

import "strings"

// end is one of the ends that rows come to, as a page tells it.
type end struct {
	Word, Class string
	Meaning     string
	Rows        int
}

// ends are those of c that have rows, in the order of the page.
func (p *Page) ends() []end {
	c := &p.Counts
	noun := strings.TrimSuffix(p.Object, "s")
	var list []end
	for _, e := range []end{
		{"created", "created", "the " + noun + " is in Gainsight; its Gsid stands in results.csv", c.Created},
		{"updated", "updated", "the " + noun + " was changed as the file says", c.Updated},
		{"deleted", "deleted", "the " + noun + " was deleted", c.Deleted},
		{"unchanged", "unchanged", "Gainsight had these values already; no call was needed", c.Unchanged},
		{"rejected", "rejected", "sent, and refused by Gainsight with a reason", c.Rejected},
		{"invalid", "invalid", "not sent: something in the file has to be mended", c.Invalid},
		{"stale", "stale", "not sent: somebody changed the " + noun + " meanwhile", c.Stale},
		{"in doubt", "doubt", "sent, but no answer was seen; never sent again unasked", c.InDoubt},
		{"parked", "parked", "reading back cannot tell what became of it; a person decides", c.Parked},
		{"skipped", "skipped", "left out on purpose", c.Skipped},
		{"pending", "pending", "not sent yet", c.Pending},
	} {
		if e.Rows > 0 {
			list = append(list, e)
		}
	}
	return list
}

// badge says in two words where the run stands, and how grave that is: good,
// wait, warn or bad.
func (p *Page) badge() (text, class string) {
	c := &p.Counts
	switch {
	case p.State == "abandoned":
		return "Abandoned", "bad"
	case p.Unsent:
		return "Nothing sent", "bad"
	case p.State == "planned":
		return "Planned", "wait"
	case p.State == "running":
		return "Not finished", "wait"
	case c.Pending > 0 && (p.ExitCode == 130 || p.ExitCode == 143):
		return "Interrupted", "wait"
	case c.Pending > 0 && p.ExitCode == 7:
		return "Paused", "wait"
	case c.Pending > 0 && (p.ExitCode != 8 || c.InDoubt+c.Parked == 0):
		return "Stopped", "bad"
	case c.InDoubt+c.Parked > 0:
		return "Rows in doubt", "warn"
	case c.Rejected+c.Invalid+c.Stale > 0:
		return "Done, rows to mend", "warn"
	}
	return "Done", "good"
}

// verdict is the account in one sentence that needs no knowledge of this
// program.
func (p *Page) verdict() string {
	c := &p.Counts
	mend := c.Rejected + c.Invalid
	if p.Unsent {
		if mend == 0 {
			return "Nothing was sent: the columns of the file need mending."
		}
		return "Nothing was sent: " + grouped(mend) + " of " + countText(c.Rows, "row needs", "rows need") + " mending."
	}
	parts := []string{p.achieved()}
	add := func(n int, one, many string) {
		if n > 0 {
			parts = append(parts, countText(n, one, many))
		}
	}
	add(mend, "row needs mending", "rows need mending")
	add(c.Stale, "was changed by somebody else meanwhile", "were changed by somebody else meanwhile")
	add(c.InDoubt+c.Parked, "is in doubt", "are in doubt")
	add(c.Pending, "is still to be sent", "are still to be sent")
	if c.Created+c.Updated+c.Deleted > 0 {
		add(c.Unchanged, "had nothing to change", "had nothing to change")
	}
	add(c.Skipped, "was left out", "were left out")
	return strings.Join(parts, "; ") + "."
}

// achieved is the part of the verdict that tells what was done.
func (p *Page) achieved() string {
	c := &p.Counts
	noun := strings.TrimSuffix(p.Object, "s")
	did := c.Created + c.Updated + c.Deleted
	if did == 0 {
		if c.Unchanged > 0 {
			return grouped(c.Unchanged) + " of " + countText(c.Rows, noun, p.Object) + " had nothing to change"
		}
		return "No " + noun + " of " + grouped(c.Rows) + " was written"
	}
	var words []string
	for _, e := range p.ends()[:countOf(c.Created, c.Updated, c.Deleted)] {
		words = append(words, grouped(e.Rows)+" "+e.Word)
	}
	switch {
	case len(words) > 1:
		return "Of " + countText(c.Rows, noun, p.Object) + ", " + strings.Join(words, ", ")
	case did == c.Rows && did > 1:
		return "All " + grouped(did) + " " + p.Object + " " + p.ends()[0].Word
	}
	return grouped(did) + " of " + countText(c.Rows, noun, p.Object) + " " + p.ends()[0].Word
}

// countOf is how many of the numbers are not zero.
func countOf(numbers ...int) int {
	n := 0
	for _, number := range numbers {
		if number != 0 {
			n++
		}
	}
	return n
}

// nextWhy says what the next command is for.
func (p *Page) nextWhy() string {
	c := &p.Counts
	switch {
	case p.State == "abandoned":
		return "This run was given up; nothing more of it will be sent."
	case p.Next == "" && c.Stale > 0:
		return "No command is left. Look at the rows that were changed meanwhile, and import them anew where they should still be written."
	case p.Next == "":
		return "Nothing is left to do."
	case p.Unsent:
		return "Mend the file as told below, then import it again:"
	case p.State == "planned":
		return "Nothing was sent so far. To carry the plan out:"
	case strings.HasPrefix(p.Next, "gsbatch settle"):
		return "To look in Gainsight for the rows in doubt, and settle what can be proved:"
	case strings.HasPrefix(p.Next, "gsbatch resume"):
		return "To go on where the run stopped. The input file is not needed, and no row that was sent is sent again:"
	case strings.HasPrefix(p.Next, "gsbatch import"):
		return "Mend the rows in errors.csv (the column _reason says how), then import it. Rows that are done are not sent again:"
	}
	return "To be run next:"
}
