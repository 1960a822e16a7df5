package emulator

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// whereTenant holds three goals: alpha (10, 2025-01-01, North;East), Beta (20,
// 2025-06-01, South) and gamma, which has none of these fields.
func whereTenant(t *testing.T, settings string) *Tenant {
	tenant := openTenant(t, Options{OmitSpecFixtures: true}, settings)
	mustCreate(t, tenant, "alpha", `,"cust_number__gc":10,"DueDate":"2025-01-01","cust_multi__gc":"North;East","cust_flag__gc":true`)
	mustCreate(t, tenant, "Beta", `,"cust_number__gc":20.5,"DueDate":"2025-06-01","cust_multi__gc":"South"`)
	mustCreate(t, tenant, "gamma", "")
	return tenant
}

// clause builds a where from conditions of the form "field operator value|value".
func clause(expression string, conditions ...string) string {
	var list []string
	for i, c := range conditions {
		parts := strings.SplitN(c, " ", 3)
		value := ""
		if len(parts) == 3 {
			var quoted []string
			for v := range strings.SplitSeq(parts[2], "|") {
				quoted = append(quoted, quote(v))
			}
			value = strings.Join(quoted, ",")
		}
		list = append(list, fmt.Sprintf(`{"fieldName":%q,"operator":%q,"value":[%s],"alias":"%c"}`, parts[0], parts[1], value, 'A'+i))
	}
	return fmt.Sprintf(`{"conditions":[%s],"expression":%q}`, strings.Join(list, ","), expression)
}

func TestWhere(t *testing.T) {
	tenant := whereTenant(t, "")
	for _, c := range []struct{ where, want string }{
		{clause("A", "Name EQ ALPHA"), "alpha"},
		{clause("A", "Name NE alpha"), "Beta gamma"},
		{clause("A", "Name STARTS_WITH b"), "Beta"},
		{clause("A", "Name CONTAINS M"), "gamma"},
		{clause("A", "Name DOES_NOT_CONTAINS m"), "alpha Beta"},
		{clause("A", "Name IN gamma|beta|beta"), "Beta gamma"},
		{clause("A", "Name EQ nobody"), ""},
		{clause("A", "cust_number__gc EQ 10.0"), "alpha"},
		{clause("A", "cust_number__gc GT 10"), "Beta"},
		{clause("A", "cust_number__gc GTE 10"), "alpha Beta"},
		{clause("A", "cust_number__gc LT 20.5"), "alpha"},
		{clause("A", "cust_number__gc LTE 20.5"), "alpha Beta"},
		{clause("A", "cust_number__gc BTW 5|15"), "alpha"},
		{clause("A", "DueDate BTW 2025-02-01|2025-12-31"), "Beta"},
		{clause("A", "DueDate IS_NULL"), "gamma"},
		{clause("A", "DueDate IS_NOT_NULL"), "alpha Beta"},
		{clause("A", "cust_multi__gc INCLUDES east|west"), "alpha"},
		{clause("A", "cust_multi__gc EXCLUDES East"), "Beta"},
		{clause("A", "cust_flag__gc EQ true"), "alpha"},
		{clause("A", "CreatedDate GTE 2020-01-01"), "alpha Beta gamma"},
		{clause("A AND B", "Name CONTAINS a", "DueDate IS_NULL"), "gamma"},
		{clause("A OR B", "Name EQ alpha", "Name EQ gamma"), "alpha gamma"},
		{clause("A OR B AND C", "Name EQ alpha", "Name EQ beta", "DueDate IS_NULL"), "alpha"},
		{clause("(A OR B) AND C", "Name EQ alpha", "Name EQ beta", "DueDate LT 2025-03-01"), "alpha"},
		{clause("((A)or(B))and C", "Name EQ alpha", "Name EQ beta", "Name EQ Beta"), "Beta"},
		{clause("", "Name EQ alpha"), "alpha"},
		{`{"conditions":[],"expression":""}`, "alpha Beta gamma"},
		{"null", "alpha Beta gamma"},
	} {
		got := strings.Join(fetchNames(t, tenant, c.where, 10, 1), " ")
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.where, got, c.want)
		}
	}
}

func TestWhereRefusals(t *testing.T) {
	bad := []string{
		clause("A AND", "Name EQ a"), clause("A B", "Name EQ a", "Name EQ b"), clause("(A", "Name EQ a"), clause("A)", "Name EQ a"),
		clause("Z", "Name EQ a"), clause("A", "Name EQ a", "Name EQ b"), clause("", "Name EQ a", "Name EQ b"), clause("()", "Name EQ a"),
		clause("A", "Name LIKE a"), clause("A", "Name BTW a"), clause("A", "Name EQ a|b"), clause("A", "Name EQ"), clause("A", "Name IS_NULL a"),
		clause("A", "cust_number__gc GT many"), clause("A", "CreatedDate GT soon"), clause("A", "DueDate EQ 01/02/2025"),
		clause(strings.Repeat("(", 200)+"A"+strings.Repeat(")", 200), "Name EQ a"),
		`{"conditions":[{"fieldName":"Name","operator":"EQ","value":"a","alias":"A"}],"expression":"A"}`,
		`{"conditions":{}}`, `[]`, `{"condition":[]}`,
	}
	strict := []string{
		clause("A", "Name NE a"), clause("A", "DueDate IS_NULL"), clause("A OR B", "Name EQ a", "Name EQ b"), clause("(A)", "Name EQ a"),
	}
	check := func(tenant *Tenant, where string) {
		t.Helper()
		status, answer := ask(t, tenant, "POST", fetchPath, `{"select":["Name"],"where":`+where+`}`)
		if status != 500 || !strings.Contains(answer, exceptionClass) {
			t.Errorf("%s: %d %s", where, status, answer)
		}
	}
	for _, where := range bad {
		check(whereTenant(t, ""), where)
	}
	for _, where := range strict {
		check(whereTenant(t, "strict"), where)
	}
	if got := fetchNames(t, whereTenant(t, "strict"), clause("A AND B", "Name STARTS_WITH al", "Name CONTAINS pha"), 10, 1); len(got) != 1 {
		t.Error(got)
	}
}

func TestPagesAndOrders(t *testing.T) {
	names := []string{"alpha", "Beta", "gamma"}
	for _, c := range []struct {
		settings, where string
		want            [][]string
	}{
		{"", "", [][]string{{"alpha", "Beta"}, {"gamma"}, {}}},
		{"order=newest", "", [][]string{{"gamma", "Beta"}, {"alpha"}, {}}},
		{"order=newest", clause("A", "Name CONTAINS a"), [][]string{{"gamma", "Beta"}, {"alpha"}, {}}},
		{"next.page_repeat=1", "", [][]string{{"alpha", "Beta"}, {"alpha", "Beta"}, {}}},
	} {
		tenant := whereTenant(t, c.settings)
		for i, want := range c.want {
			if diff := cmp.Diff(want, fetchNames(t, tenant, c.where, 2, i+1)); diff != "" {
				t.Errorf("%q page %d: %s", c.settings, i+1, diff)
			}
		}
	}
	got := fetchNames(t, whereTenant(t, "order=unstable"), "", 10, 1)
	slices.Sort(got)
	if diff := cmp.Diff([]string{"Beta", "alpha", "gamma"}, got); diff != "" || len(names) != len(got) {
		t.Error(diff)
	}
}

func TestRepeatedPage(t *testing.T) {
	tenant := whereTenant(t, "fault.page_repeat=1")
	if first, second := fetchNames(t, tenant, "", 2, 1), fetchNames(t, tenant, "", 2, 2); !slices.Equal(first, second) {
		t.Error(first, second)
	}
}

func TestEmptyPageAsError(t *testing.T) {
	_, answer := ask(t, whereTenant(t, "empty_page=error"), "POST", fetchPath, `{"select":["Name"],"pageNumber":9}`)
	if !strings.Contains(answer, `"errorCode":"GSOBJ_1011"`) {
		t.Error(answer)
	}
}

func TestRenamedGoalIsFoundByItsNewNameOnly(t *testing.T) {
	tenant := whereTenant(t, "")
	for range 3 {
		mustCreate(t, tenant, "alpha", "")
	}
	gsid := mustCreate(t, tenant, "alpha", "")
	mustCreate(t, tenant, "alpha", "")
	ask(t, tenant, "PUT", updatePath, `{"requests":[{"record":{"Gsid":"`+gsid+`","Name":"omega"}}]}`)
	if n := len(fetchNames(t, tenant, clause("A", "Name EQ Alpha"), 100, 1)); n != 5 {
		t.Errorf("%d goals named alpha, want 5", n)
	}
	if n := len(fetchNames(t, tenant, clause("A", "Name EQ omega"), 100, 1)); n != 1 {
		t.Errorf("%d goals named omega, want 1", n)
	}
}

func FuzzWhere(f *testing.F) {
	f.Add("A AND (B OR A)", "EQ", "x")
	f.Add("((", "BTW", "2025-01-01")
	tenant, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, expression, operator, value string) {
		where := fmt.Sprintf(`{"conditions":[{"fieldName":"Name","operator":%s,"value":[%s],"alias":"A"},{"fieldName":"DueDate","operator":"IS_NULL","alias":"B"}],"expression":%s}`,
			quote(operator), quote(value), quote(expression))
		status, answer := ask(t, tenant, "POST", fetchPath, `{"select":["Name"],"where":`+where+`}`)
		if status != 200 && status != 500 || status == 500 && !strings.Contains(answer, exceptionClass) {
			t.Errorf("%s: %d %s", where, status, answer)
		}
	})
}
