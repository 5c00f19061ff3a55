using System.Text;

namespace Postern.Mta.Inbound;

/// <summary>Charset names as mail uses them, for MimeKit and everyone else who asks
/// <see cref="Encoding"/>.</summary>
/// <remarks>
/// WHATWG Encoding §4.2: <c>euc-kr</c> and its kin mean code page 949, of which the framework's 51949 is the
/// older half. The first provider that answers wins, so this one stands before the framework's code pages:
/// call <see cref="Register"/> before anything reads mail.
/// </remarks>
public sealed class MailCharsets : EncodingProvider
{
    const int Korean = 949;
    const int EucKorean = 51949;

    static readonly Lazy<MailCharsets> Registered = new(static () =>
    {
        var provider = new MailCharsets();
        Encoding.RegisterProvider(provider);
        Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);
        return provider;
    });

    MailCharsets()
    {
    }

    /// <summary>Windows-949.</summary>
    internal static Encoding Hangul => CodePagesEncodingProvider.Instance.GetEncoding(Korean)!;

    /// <summary>Null: nobody knows the name, or the framework refuses it, as UTF-7.</summary>
    internal static Encoding? Find(string name)
    {
        Register();
        try
        {
            return Encoding.GetEncoding(name);
        }
        catch (Exception refusal) when (refusal is ArgumentException or NotSupportedException)
        {
            // The only way the framework has to say so.
            return null;
        }
    }

    /// <summary>Makes the names known to the process; again does nothing.</summary>
    public static void Register() => _ = Registered.Value;

    public override Encoding? GetEncoding(int codepage) => codepage is EucKorean ? Hangul : null;

    public override Encoding? GetEncoding(string name) => name.ToUpperInvariant() switch
    {
        "EUC-KR" or "EUCKR" or "CSEUCKR" or "CP949" or "MS949" or "UHC" or "WINDOWS-949" or "X-WINDOWS-949"
            or "KS_C_5601-1987" or "KS_C_5601-1989" or "KS_C_5601" or "KSC_5601" or "KSC5601" or "KS-C5601" =>
                Hangul,
        "UTF8" or "UTF_8" => Encoding.UTF8,
        "CP932" or "MS932" or "WINDOWS-31J" => CodePagesEncodingProvider.Instance.GetEncoding(932),
        "CP936" or "MS936" => CodePagesEncodingProvider.Instance.GetEncoding(936),
        "CP950" or "MS950" => CodePagesEncodingProvider.Instance.GetEncoding(950),
        _ => null,
    };
}
