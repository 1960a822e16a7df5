package pipeline

import (
	"encoding/json"
	"fmt"
	"strings"

	"gsbatch/checkpoint"
	"gsbatch/validate"
)

// A marker is a text that one row of one run puts into a custom field of the
// goal it creates (--marker-field), so that reading back tells its goal from
// every other for certain. It is the same at each attempt, and no part of the
// payload whose hash tells equal rows.

// markerField is the run's marker field, "" for none.
func (a *apply) markerField() string { return a.cfg.Run.Info().Marker }

// marker is the marker of a create, "" where there is none.
func (a *apply) marker(op *checkpoint.Op) string {
	if a.markerField() == "" || op.Action != string(validate.Create) {
		return ""
	}
	return fmt.Sprintf("%s/%d", a.cfg.Run.Info().ID, op.Line)
}

// marked is the item to send for an operation: with its marker, if it has one.
func (a *apply) marked(op *checkpoint.Op) string {
	const head = `{"record":{`
	text := a.marker(op)
	if text == "" {
		return op.Item
	}
	rest := strings.TrimPrefix(op.Item, head)
	field, _ := json.Marshal(a.markerField()) // a text has no error
	value, _ := json.Marshal(text)
	return head + string(field) + ":" + string(value) + "," + rest
}

// sought is newSought with the marker.
func (s *settling) sought(d *checkpoint.Doubt, learned string) (*sought, error) {
	want, err := newSought(d, learned)
	if err == nil {
		want.marker = s.marker(&d.Op)
	}
	return want, err
}
