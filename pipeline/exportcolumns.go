package pipeline

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"gsbatch/gainsight"

	"gsbatch/validate"
	"gsbatch/writers"
)

// exportColumn is a column of an export and how its cells come from a goal.
type exportColumn struct {
	writers.Column
	cell func(*stored) string
}

// columns are those of the export, under headers that import knows. kinds are
// the kinds of fields, as kindsOf found them.
func (e *export) columns(kinds map[string]writers.Kind) []exportColumn {
	var list []exportColumn
	add := func(name string, kind writers.Kind, cell func(*stored) string) {
		list = append(list, exportColumn{writers.Column{Name: name, Kind: kind}, cell})
	}
	for _, field := range e.head.Select {
		plain := func(s *stored) string { return fieldText(s, field) }
		switch labels := e.cfg.Labels; {
		case field == "StatusId" && labels != nil:
			add("StatusName", writers.Text, func(s *stored) string { return labelled(labels.Status, plain(s)) })
		case field == "GoalTypeId" && labels != nil:
			add("GoalTypeName", writers.Text, func(s *stored) string { return labelled(labels.GoalType, plain(s)) })
		case field == "DueDate" && e.cfg.Query.Object == gainsight.TemplateObject:
			add(field, writers.Number, plain) // days
		case field == "DueDate":
			add(field, writers.Date, plain)
		case field == "CreatedDate" || field == "ModifiedDate":
			add(field, writers.Date, func(s *stored) string { return timeText(s, field) })
		default:
			add(field, kinds[field], plain)
			if object := parentObject(field); object != "" && e.cfg.Names.Knows(object) {
				add(strings.TrimSuffix(field, "Id")+"Name", writers.Text, func(s *stored) string { return e.cfg.Names.NameOf(object, plain(s)) })
			}
		}
	}
	if e.cfg.Links {
		add("CTA", writers.Text, func(s *stored) string { return strings.Join(s.ctas, ";") })
		add("SP", writers.Text, func(s *stored) string { return strings.Join(s.sps, ";") })
	}
	return list
}

// labelled leaves a goal without a status without one.
func labelled(label func(string) string, gsid string) string {
	if gsid == "" {
		return ""
	}
	return label(gsid)
}

// parentObject is the object that an id field of a goal refers to, "" for others.
func parentObject(field string) string {
	switch field {
	case "CompanyId":
		return "company"
	case "RelationshipId":
		return "relationship"
	case "OpportunityId":
		return "opportunity"
	}
	return ""
}

// fieldText is a field as a cell has it: lists with ; between.
func fieldText(s *stored, field string) string {
	if raw := s.goal.Fields[field]; len(raw) > 0 && raw[0] == '[' {
		var list []string
		if json.Unmarshal(raw, &list) == nil {
			return strings.Join(list, ";")
		}
	}
	return s.goal.Text(field)
}

// timeText is a time of the server, which comes as epoch milliseconds, in ISO
// 8601; what has another form stays as it is.
func timeText(s *stored, field string) string {
	text := s.goal.Text(field)
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
	}
	return text
}

// kindsOf finds out which of the custom fields hold nothing but numbers, truth
// values or dates. No call tells the types of a tenant's fields.
func (e *export) kindsOf() (map[string]writers.Kind, error) {
	kinds := map[string]writers.Kind{}
	var open []string
	for _, field := range e.head.Select {
		if strings.HasSuffix(field, "__gc") {
			open = append(open, field)
		}
	}
	if len(open) == 0 {
		return kinds, nil
	}
	var s stored
	for record, err := range e.cfg.Spool.Records() {
		if err == nil {
			err = s.read(record.Text)
		}
		if err != nil {
			return nil, err
		}
		for _, field := range open {
			raw := s.goal.Fields[field]
			if len(raw) == 0 || string(raw) == "null" || string(raw) == `""` {
				continue
			}
			kind := kindOf(raw)
			if known, seen := kinds[field]; seen && known != kind {
				kind = writers.Text
			}
			kinds[field] = kind
		}
		open = slices.DeleteFunc(open, func(field string) bool {
			kind, seen := kinds[field]
			return seen && kind == writers.Text
		})
		if len(open) == 0 {
			break
		}
	}
	return kinds, nil
}

func kindOf(raw json.RawMessage) writers.Kind {
	switch c := raw[0]; {
	case c == '"':
		if _, err := time.Parse(`"2006-01-02"`, string(raw)); err == nil {
			return writers.Date
		}
		return writers.Text
	case c == 't' || c == 'f':
		return writers.Bool
	case c == '-' || c >= '0' && c <= '9':
		return writers.Number
	}
	return writers.Text
}

// LearnNames adds to ids what the answers to creates made known of names, as
// checkpoint.LearnedNames tells it: names with their objects, and parents.
func LearnNames(ids *validate.IDMap, learned map[string]string) {
	for names, parents := range learned {
		byField := map[string]string{}
		for parent := range strings.SplitSeq(parents, ";") {
			field, gsid, _ := strings.Cut(parent, "=")
			byField[parentObject(field)] = gsid
		}
		for line := range strings.SplitSeq(names, "\n") {
			object, name, found := strings.Cut(line, " ")
			if gsid := byField[object]; found && object != "" && gsid != "" {
				ids.Learn(object, name, gsid)
			}
		}
	}
}
