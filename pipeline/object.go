package pipeline

import (
	"fmt"

	"gsbatch/gainsight"
	"gsbatch/validate"
)

// object is what the records of a run are: goals (""), templates or metrics.
type object string

// noun is what messages call one of them.
func (o object) noun() string { return validate.Noun(string(o)) }

// name is the object as the client calls it.
func (o object) name() string {
	if o == "" {
		return gainsight.GoalObject
	}
	return string(o)
}

// isGoals says whether the records are goals, which belong to an entity and go
// one a call.
func (o object) isGoals() bool { return o.name() == gainsight.GoalObject }

// reads is how the client counts the calls that read them.
func (o object) reads() string {
	if o == gainsight.MetricObject {
		return "picklists"
	}
	return o.name() + ".fetch"
}

// places are the fields that say where a record belongs.
func (o object) places() []string {
	if o.isGoals() {
		return append([]string{"EntityType"}, parentFields()...)
	}
	return nil
}

// gone says that there is no such record.
func (o object) gone(gsid string) string {
	return fmt.Sprintf("no %s %s is in the tenant", o.noun(), gsid)
}
