using System.Globalization;
using System.Text;

namespace Postern.Mta.Configuration;

/// <summary>Names of hosts and domains in configuration.</summary>
public static class HostName
{
    static readonly IdnMapping idn = new() { UseStd3AsciiRules = false };

    /// <summary>
    /// Letters, digits, hyphens and underscores in labels of 1 to 63 (RFC 5321 §2.3.5, RFC 1035 §2.3.4).
    /// </summary>
    public static bool IsValid(string name)
    {
        var domain = ToALabels(name);
        if (domain.Length is 0 or > 253)
            return false;
        foreach (var label in domain.Split('.'))
            if (label.Length is 0 or > 63 || label[0] == '-' || label[^1] == '-' || !label.All(IsOfLabel))
                return false;
        return true;
    }

    /// <summary><c>[192.0.2.1]</c> or <c>[IPv6:...]</c> (RFC 5321 §4.1.3).</summary>
    public static bool IsAddressLiteral(string name)
    {
        if (name.Length < 3 || name[0] != '[' || name[^1] != ']')
            return false;
        var inner = name[1..^1];
        if (inner.StartsWith("IPv6:", StringComparison.OrdinalIgnoreCase))
            inner = inner[5..];
        return Network.TryParseAddress(inner, out _);
    }

    /// <summary>The form of the DNS (RFC 5891); a name that has none stays as it is.</summary>
    public static string ToALabels(string name)
    {
        if (name.Length == 0 || Ascii.IsValid(name))
            return name;
        try
        {
            return idn.GetAscii(name);
        }
        catch (ArgumentException)
        {
            return name;
        }
    }

    static bool IsOfLabel(char c) => char.IsAsciiLetterOrDigit(c) || c is '-' or '_';
}
