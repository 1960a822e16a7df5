package validate_test

import (
	"strings"
	"testing"

	"gsbatch/gainsight"
	"gsbatch/validate"
)

func exportPicklists() *gainsight.Picklists {
	return &gainsight.Picklists{
		Statuses: []gainsight.Status{
			{Gsid: statusNew, Name: "New", Active: true}, {Gsid: gsidOf("1I00S2"), Name: "On Track", Active: true},
			{Gsid: gsidOf("1I00S3"), Name: "on track ", Active: true}, {Gsid: gsidOf("1I00S4"), Name: "Old "},
		},
		GoalTypes: []gainsight.GoalType{{Gsid: gsidOf("1I00T1"), Name: "Adoption", Active: true}},
	}
}

func gsidOf(prefix string) string { return prefix + strings.Repeat("0", 36-len(prefix)) }

func TestFilterTerms(t *testing.T) {
	ids := new(validate.IDMap)
	ids.Learn("company", "IBM", ibm)
	for text, want := range map[string]string{
		`status = new`:                           `StatusId EQ ["` + statusNew + `"]`,
		`StatusName IN (New, old)`:               `StatusId IN ["` + statusNew + `","` + gsidOf("1I00S4") + `"]`,
		`StatusId EQ ` + gsidOf("1I00S2"):        `StatusId EQ ["` + gsidOf("1I00S2") + `"]`,
		`Status IS_NOT_NULL`:                     `StatusId IS_NOT_NULL []`,
		`"Goal Type" NE ADOPTION`:                `GoalTypeId NE ["` + gsidOf("1I00T1") + `"]`,
		`Entity = company`:                       `EntityType EQ ["COMPANY"]`,
		`Company = ibm`:                          `CompanyId EQ ["` + ibm + `"]`,
		`Name EQ 42`:                             `Name EQ ["42"]`,
		`cust_number__gc GT 42 `:                 `cust_number__gc GT [42]`,
		`cust_number__gc EQ "42" `:               `cust_number__gc EQ ["42"]`,
		`cust_flag__gc EQ TRUE`:                  `cust_flag__gc EQ [true]`,
		`OwnerId EQ x`:                           `OwnerId EQ ["x"]`,
		`DueDate BTW (2026-01-01, 2026-02-01)`:   `DueDate BTW ["2026-01-01","2026-02-01"]`,
		`Modified_Date GTE 2026-01-01T08:00:00Z`: `ModifiedDate GTE ["2026-01-01T08:00:00Z"]`,
		`DueDate STARTS_WITH "2026"`:             `DueDate STARTS_WITH ["2026"]`,
		`Status EQ Nwe`:                          `error: status "Nwe" is not in this tenant; closest: "New"`,
		`Status EQ "On Track"`:                   `error: status "On Track" is the name of ` + gsidOf("1I00S2") + " and " + gsidOf("1I00S3"),
		`Status CONTAINS "New"`:                  `error: a status is compared whole, by EQ, NE or IN, since the tenant filters by its id; write names whole, several as IN (A, B)`,
		`Company EQ Unheard`:                     `error: the tenant filters by CompanyId, and the id of "Unheard" is not known here`,
		`DueDate GT soon`:                        `error: "soon" is no date`,
		`CreatedDate GT soon`:                    `error: "soon" is no time`,
		`Entity EQ PLANET`:                       `error: EntityType "PLANET" is none of`,
		`Decsription CONTAINS x`:                 `error: there is no field "Decsription"; did you mean Description?`,
		`"a b c d e" EQ x`:                       `error: "a b c d e" is no field`,
		`CTA EQ x`:                               `error: goals cannot be filtered by CTA`,
		`"metric.Seats.baseValue" EQ 1`:          `error: goals cannot be filtered by metric.Seats.baseValue`,
	} {
		got := condition(t, "goals", text, ids)
		if !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s\nwant %s", text, got, want)
		}
	}
}

// condition is what a filter of one term becomes, or its error.
func condition(t *testing.T, object, text string, ids *validate.IDMap) string {
	t.Helper()
	f, err := gainsight.ParseWhere(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	where, _, err := f.Conditions(validate.NewTerms(object, text, exportPicklists(), ids).Condition)
	if err != nil {
		return "error: " + err.Error()
	}
	var values []string
	for _, v := range where[0].Values {
		values = append(values, string(v.AppendJSON(nil)))
	}
	return where[0].Field + " " + where[0].Operator + " [" + strings.Join(values, ",") + "]"
}

func TestFilterTermsOfTemplates(t *testing.T) {
	for text, want := range map[string]string{
		`Status = new`:                    `StatusId EQ ["` + statusNew + `"]`,
		`"Goal Type" IN (Adoption)`:       `GoalTypeId IN ["` + gsidOf("1I00T1") + `"]`,
		`DueDate BTW (0, "90")`:           `DueDate BTW [0,90]`,
		`Due IS_NULL`:                     `DueDate IS_NULL []`,
		`cust_string_value__gc EQ x`:      `cust_string_value__gc EQ ["x"]`,
		`ModifiedDate GTE 2026-01-01`:     `ModifiedDate GTE ["2026-01-01"]`,
		`DueDate GT 2026-01-01`:           `error: "2026-01-01" is no number of days; a template's DueDate is`,
		`Company EQ IBM`:                  `error: templates have no CompanyName that can be read`,
		`SP EQ x`:                         `error: templates have no SP that can be read`,
		`"Associated Work" EQ x`:          `error: templates cannot be filtered by AssociatedWork`,
		`Decsription CONTAINS x`:          `error: there is no field "Decsription"; did you mean Description?`,
		`"metric.Seats.baseValue" EQ "1"`: `error: templates have no metric.Seats.baseValue that can be read`,
	} {
		if got := condition(t, "templates", text, nil); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s\nwant %s", text, got, want)
		}
	}
	got, err := validate.ResolveSelect("templates", []string{"template name", "type", "due days", "Associated Work", "OwnerId", "x__gc"})
	if want := "Name GoalTypeId DueDate AssociatedWork OwnerId x__gc"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("%v, %v, want %s", got, err, want)
	}
	for _, name := range []string{"CTA", "EntityType", "Template Id x", "metric.Seats.baseValue"} {
		if _, err := validate.ResolveSelect("templates", []string{name}); err == nil {
			t.Errorf("%s is selected", name)
		}
	}
}

func TestLabels(t *testing.T) {
	l := validate.NewLabels(exportPicklists())
	for gsid, want := range map[string]string{
		statusNew: "New", gsidOf("1I00S2"): gsidOf("1I00S2"), gsidOf("1I00S4"): "Old ", gsidOf("1I00XX"): gsidOf("1I00XX"),
	} {
		if got := l.Status(gsid); got != want {
			t.Errorf("status %s: %q, want %q", gsid, got, want)
		}
	}
	ids := new(validate.IDMap)
	ids.Learn("company", "Bad\x07", gsidOf("1P02A"))
	ids.Learn("company", "Twin ", gsidOf("1P02B"))
	ids.Learn("company", "twin", gsidOf("1P02C"))
	for gsid, want := range map[string]string{gsidOf("1P02A"): "", gsidOf("1P02B"): "Twin ", gsidOf("1P02C"): "twin", ibm: ""} {
		if got := ids.NameOf("company", gsid); got != want {
			t.Errorf("company %s: %q, want %q", gsid, got, want)
		}
	}
}

func TestResolveSelect(t *testing.T) {
	got, err := validate.ResolveSelect("goals", []string{"gsid", "Status", "due date", "x__GC", "OwnerId", "cta", "Name", "name"})
	if want := "Gsid StatusId DueDate x__gc OwnerId CTA Name"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("%v, %v, want %s", got, err, want)
	}
	for _, name := range []string{"Decsription", "CTA Remove", "metric.Seats.baseValue", "a b c"} {
		if _, err := validate.ResolveSelect("goals", []string{name}); err == nil {
			t.Errorf("%s is selected", name)
		}
	}
}
