namespace Postern.Mta.Configuration;

/// <summary>What is wrong with a configuration and how it is mended, in one line.</summary>
/// <param name="File">The file as it was named.</param>
/// <param name="Line">From 1. 0: the file as a whole.</param>
/// <param name="Key">The whole key, <c>transports.mailgun.host</c>. Empty: none.</param>
public sealed record ConfigurationError(string File, int Line, string Key, string Text)
{
    public override string ToString()
    {
        var place = Line > 0 ? $"{File}:{Line}" : File;
        return Key.Length > 0 ? $"{place}: {Key}: {Text}" : $"{place}: {Text}";
    }
}
