using Postern.Mta.Accounts;

namespace Postern.Dashboard;

sealed partial class EnglishWords
{
    public override string DomainsSending => "Sending domains";
    public override string DomainSource(bool isFile) => isFile ? "file" : "store";
    public override string DomainSourceWord => "Defined in";
    public override string DomainRecords => "DNS records it should have";
    public override string DomainRecordType => "Type";
    public override string DomainRecordSeen => "In the DNS";

    public override string NameOf(DnsVerdict verdict) => verdict switch
    {
        DnsVerdict.Valid => "as it should be",
        DnsVerdict.Invalid => "missing or different",
        _ => "not known yet",
    };

    public override string DomainCheckNow => "Check now";
    public override string DomainCheckedNow => "Checked just now.";
    public override string DomainNoAnswer => "The DNS gave no answer in time. What was seen before is shown.";
    public override string DomainMayDiffer =>
        "A check compares MX and SPF; other records are shown to be copied.";
    public override string DomainsNone =>
        "No sending domains. Add [domains.\"example.org\"] to the configuration.";
    public override string DomainKeys => "API keys";
    public override string DomainKeysMean => "A key itself is never shown: only its hash is kept.";
    public override string Key => "Key";
    public override string DomainKeyReach => "Opens";
    public override string DomainKeyOfAccount => "everything";
    public override string DomainKeyMade => "Made";
    public override string DomainKeyEnds => "Expires";
    public override string DomainKeyNever => "never";
    public override string DomainKeysNone => "There are no API keys.";
    public override string AccountsTitle => "SMTP accounts";
    public override string AccountSenders => "May send as";
    public override string AccountSendersMean =>
        "Patterns such as *@example.org, one on a line. Empty: any sender.";
    public override string AccountAnySender => "any sender";
    public override string AccountQuota => "Daily quota";
    public override string AccountUsed => "Used today";
    public override string AccountAddTitle => "Add an account, or replace one";
    public override string AccountRemoveTitle => "Remove an account";
    public override string AccountRemoveMeans =>
        "Nobody can log in with this name any more. Mail in the queue stays.";
    public override string AccountInFile => "It stands in the configuration file: remove it there.";
    public override string AccountsNone => "There are no accounts.";
}
