package main

import (
	"fmt"
	"strings"

	"gsbatch/pipeline"
)

// tellReading says how the tenant was read for a plan, what that cost and what
// it saves.
func (in *intake) tellReading(read *pipeline.Reading) {
	if read == nil || read.Updates+read.Names == 0 {
		return
	}
	if len(read.Refused) > 0 {
		in.app.tell("warning: the tenant does not let these fields be read, so they are sent as they are in the file: %s\n", oneLine(strings.Join(read.Refused, ", ")))
	}
	pages := ""
	if read.Over > 0 {
		pages = fmt.Sprintf("; by pages it would be more than %d calls", read.Over)
	}
	asked := fmt.Sprintf("by rows it is %d calls for %d names to create and %d for updates", read.Names+read.Updates, read.Names, read.Updates)
	switch read.Way {
	case pipeline.ByPages:
		in.app.tell("  read by pages: %d %s in %d calls (%s)\n", read.Goals, in.flags.object, read.Calls, asked)
	case pipeline.ByRows:
		in.app.tell("  read by rows: %d %s in %d calls (%s%s)\n", read.Goals, in.flags.object, read.Calls, asked, pages)
	default:
		in.app.tell("  the tenant is not read: that may cost more calls than it saves (%s%s); --diff always reads it\n", asked, pages)
	}
	if read.Unchanged > 0 {
		in.app.tell("  %d rows are in the tenant as they are: %d calls saved\n", read.Unchanged, read.Unchanged)
	}
}
