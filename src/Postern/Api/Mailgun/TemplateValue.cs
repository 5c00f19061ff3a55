using System.Globalization;
using System.Text.Json;

namespace Postern.Api.Mailgun;

/// <summary>A variable of a template, as JSON gave it.</summary>
abstract record TemplateValue
{
    public static readonly TemplateValue Missing = new Nothing();

    TemplateValue() { }

    /// <summary>Null, or not there.</summary>
    public sealed record Nothing : TemplateValue;

    public sealed record Flag(bool Value) : TemplateValue;

    /// <param name="Shown">As it stood in the JSON where it is whole.</param>
    public sealed record Number(string Shown, double Value) : TemplateValue;

    public sealed record Words(string Value) : TemplateValue;

    public sealed record Sequence(IReadOnlyList<TemplateValue> Items) : TemplateValue;

    /// <param name="Members">In the order of the JSON.</param>
    public sealed record Map(OrderedDictionary<string, TemplateValue> Members) : TemplateValue;

    /// <summary>What <c>if</c> takes for no: nothing, false, 0, an empty text and an empty list.</summary>
    public bool IsEmpty => this switch
    {
        Nothing => true,
        Flag flag => !flag.Value,
        Number number => number.Value == 0,
        Words words => words.Value.Length == 0,
        Sequence sequence => sequence.Items.Count == 0,
        _ => false,
    };

    /// <exception cref="InvalidOperationException">A text of it is half of a surrogate pair.</exception>
    public static TemplateValue Of(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.True => new Flag(true),
        JsonValueKind.False => new Flag(false),
        JsonValueKind.Number => NumberOf(json.GetRawText()),
        JsonValueKind.String => new Words(json.GetString()!),
        JsonValueKind.Array => new Sequence([.. json.EnumerateArray().Select(Of)]),
        JsonValueKind.Object => MapOf(json),
        _ => Missing,
    };

    /// <summary>A whole number stays as it is written: it may be an id.</summary>
    public static Number NumberOf(string text)
    {
        _ = double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value);
        return new Number(
            text.AsSpan().ContainsAny('.', 'e', 'E') ? value.ToString("R", CultureInfo.InvariantCulture)
                : text,
            value);
    }

    /// <summary>As JavaScript shows it, since Handlebars does.</summary>
    public string ToText() => this switch
    {
        Flag flag => flag.Value ? "true" : "false",
        Number number => number.Shown,
        Words words => words.Value,
        Sequence sequence => string.Join(',', sequence.Items.Select(item => item.ToText())),
        Map => "[object Object]",
        _ => "",
    };

    /// <summary>Its member, or its item of this number. Nothing: there is none.</summary>
    public TemplateValue Find(string name) => this switch
    {
        Map map => map.Members.GetValueOrDefault(name, Missing),
        Sequence sequence when name == "length" => NumberOf(
            sequence.Items.Count.ToString(CultureInfo.InvariantCulture)),
        Sequence sequence when int.TryParse(
            name, NumberStyles.None, CultureInfo.InvariantCulture, out var at)
            && at < sequence.Items.Count => sequence.Items[at],
        _ => Missing,
    };

    static Map MapOf(JsonElement json)
    {
        var members = new OrderedDictionary<string, TemplateValue>(StringComparer.Ordinal);
        foreach (var member in json.EnumerateObject())
            members[member.Name] = Of(member.Value);
        return new Map(members);
    }
}
