using Postern.Mta.Accounts;

namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string DomainsSending => "발신 도메인";
    public override string DomainSource(bool isFile) => isFile ? "설정 파일" : "저장소";
    public override string DomainSourceWord => "정의 위치";
    public override string DomainRecords => "필요한 DNS 레코드";
    public override string DomainRecordType => "종류";
    public override string DomainRecordSeen => "DNS 상태";

    public override string NameOf(DnsVerdict verdict) => verdict switch
    {
        DnsVerdict.Valid => "정상",
        DnsVerdict.Invalid => "없거나 다름",
        _ => "아직 모름",
    };

    public override string DomainCheckNow => "지금 확인";
    public override string DomainCheckedNow => "방금 확인했습니다.";
    public override string DomainNoAnswer => "DNS가 제시간에 응답하지 않아 이전에 확인한 상태를 표시합니다.";
    public override string DomainMayDiffer => "확인 대상은 MX와 SPF입니다. 나머지 레코드는 복사해서 등록할 수 있도록 표시합니다.";
    public override string DomainsNone => "발신 도메인이 없습니다. 설정에 [domains.\"example.org\"]를 추가하세요.";
    public override string DomainKeys => "API 키";
    public override string DomainKeysMean => "키 자체는 표시하지 않습니다. 해시만 보관합니다.";
    public override string Key => "키";
    public override string DomainKeyReach => "권한 범위";
    public override string DomainKeyOfAccount => "전체";
    public override string DomainKeyMade => "생성";
    public override string DomainKeyEnds => "만료";
    public override string DomainKeyNever => "없음";
    public override string DomainKeysNone => "API 키가 없습니다.";
    public override string AccountsTitle => "SMTP 계정";
    public override string AccountSenders => "허용 발신 주소";
    public override string AccountSendersMean => "*@example.org 같은 패턴을 한 줄에 하나씩 씁니다. 비워 두면 모든 발신 주소를 허용합니다.";
    public override string AccountAnySender => "모든 발신 주소";
    public override string AccountQuota => "일일 할당량";
    public override string AccountUsed => "오늘 사용량";
    public override string AccountAddTitle => "계정 추가 또는 교체";
    public override string AccountRemoveTitle => "계정 삭제";
    public override string AccountRemoveMeans => "이 이름으로 더 이상 로그인할 수 없습니다. 큐에 있는 메일은 그대로 남습니다.";
    public override string AccountInFile => "설정 파일에 정의된 계정입니다. 설정 파일에서 삭제하세요.";
    public override string AccountsNone => "계정이 없습니다.";
}
