package emulator

import (
	"fmt"
	"slices"
	"strings"
)

// fault is something that goes wrong with a call, on demand. A call has one at most.
type fault uint8

// The faults. "Before" and "after" say where they stand to the commit.
const (
	dropBefore fault = iota
	dropAfter
	error500Before
	error500After
	error502Before
	error502After
	error503Before
	error503After
	slowAnswer
	stalledCommit
	lateCommit
	spuriousThrottle
	keyRefused
	cutBody
	htmlPage
	withoutGsid
	failureList
	repeatedPage
	insertedPage
	deletedPage
	faultCount
)

const noFault = faultCount

func (f fault) name() string {
	return [...]string{
		"drop_before", "drop_after", "500_before", "500_after", "502_before", "502_after", "503_before", "503_after",
		"slow", "stall", "late", "throttle", "unauthorized", "cut", "html", "no_gsid", "failure_list",
		"page_repeat", "page_insert", "page_delete", "",
	}[f]
}

func (f fault) help() string {
	return [...]string{
		"the connection is closed, the call not carried out",
		"the call is carried out, then the connection closed without an answer",
		"500 with GU_1101 (VC_1002 for metrics), the call not carried out",
		"the call is carried out, then answered with 500",
		"502 with an HTML page, the call not carried out",
		"the call is carried out, then answered with 502",
		"503 with an HTML page, the call not carried out",
		"the call is carried out, then answered with 503",
		"the call is carried out, and answered after slow.delay",
		"the call is carried out after slow.delay, even if the caller has left, and answered then",
		"the connection is closed at once, and the call carried out after late.delay",
		"429 although no limit is reached, the call not carried out",
		"401 for a good key, the call not carried out",
		"the call is carried out, and its answer ends in the middle",
		"an HTML page with status 200, the call not carried out",
		"the call is carried out, and answered with result:true but without the Gsid",
		"result:true with the record in failureList, the call not carried out (writes only)",
		"the page before is answered once more (fetches of page 2 and on)",
		"another user creates a goal just before a page is read (goal fetches)",
		"another user's work removes a goal just before a page is read (goal fetches)",
		"",
	}[f]
}

// fits says whether f can befall c.
func (f fault) fits(c *call) bool {
	e := c.endpoint
	switch f {
	case withoutGsid:
		return e.writes()
	case failureList:
		return e.writes() && e != metricDelete
	case repeatedPage:
		if e != goalFetch && e != templateFetch {
			return false
		}
		page, _ := integerOf(member(c.body, "pageNumber"))
		return page > 1
	case insertedPage, deletedPage:
		return e == goalFetch
	}
	return true
}

// faultScope is the setting of the endpoints that faults befall.
func faultScope() setting {
	words := []string{"all", "reads", "writes", "create", "update", "fetch", "picklist", "templates", "metrics"}
	return setting{
		Setting{"faults.on", "words joined with +: " + strings.Join(words, ", "), "all", "calls that faults befall"},
		func(s *Switches) string {
			if s.FaultsOn == "" {
				return "all"
			}
			return s.FaultsOn
		},
		func(s *Switches, v string) error {
			for w := range strings.SplitSeq(v, "+") {
				if !slices.Contains(words, w) {
					return fmt.Errorf("unknown word %q", w)
				}
			}
			s.FaultsOn = v
			if v == "all" {
				s.FaultsOn = ""
			}
			return nil
		},
	}
}

// scoped says whether faults befall calls to e.
func (s *Switches) scoped(e endpoint) bool {
	if s.FaultsOn == "" {
		return true
	}
	for w := range strings.SplitSeq(s.FaultsOn, "+") {
		if w == "all" || w == e.scope() || w == "writes" && e.writes() || w == "reads" && !e.writes() {
			return true
		}
	}
	return false
}

// faulty says whether any fault is set at all.
func (s *Switches) faulty() bool {
	for f := range faultCount {
		if s.Faults[f] > 0 || s.Next[f] > 0 {
			return true
		}
	}
	return false
}

// draw picks the fault of c for u, a number in [0,1). A fault that does not fit
// the call leaves its share to "no fault", so that the others keep their rates.
func (s *Switches) draw(c *call, u float64) fault {
	for f := range faultCount {
		if u < s.Faults[f] {
			if f.fits(c) {
				return f
			}
			return noFault
		}
		u -= s.Faults[f]
	}
	return noFault
}
